import { readFileSync } from "node:fs";
import type { DoctorVisit, Finding } from "myna";

const UNIT = "/etc/systemd/system/myna.service";

/** Whether who runs the robot (the user of the service, where there is one) is in each of `groups` (group(5)). */
export function checkGroups({ path }: Pick<DoctorVisit, "path">, groups: readonly string[]): Finding[] {
  const name = "groups";
  if (groups.length === 0) return [];
  const users = read(path("/etc/passwd"))
    .split("\n")
    .map((line) => line.split(":"));
  const self = users.find(([, , uid]) => uid === String(process.getuid?.()))?.[0] ?? "this user";
  const user = /^User=(\S+)/m.exec(read(path(UNIT)))?.[1] ?? self;
  if (user === "root") return [{ name, state: "ok", message: "root may use every device" }];
  const lines = read(path("/etc/group"))
    .split("\n")
    .map((line) => line.split(":"));
  const own = users.find(([login]) => login === user)?.[3];
  const isIn = (group: string) =>
    lines.some(
      ([title, , id, members = ""]) => title === group && (id === own || members.split(",").includes(user)),
    );
  const lacking = groups.filter((group) => !isIn(group));
  if (lacking.length > 0) {
    const message = `${user} is not in ${lacking.join(", ")}: devices of these groups cannot be opened`;
    const fix = `sudo usermod --append --groups ${lacking.join(",")} ${user}, then log in again (the service: sudo systemctl restart myna)`;
    return [{ name, state: "failed", message, fix }];
  }
  const ids = new Set(process.getgroups?.() ?? []);
  const late = lines.filter(([title = "", , id]) => groups.includes(title) && !ids.has(Number(id)));
  if (user === self && path("/") === "/" && late.length > 0) {
    const message = `${user} was put into ${late.map(([title]) => title).join(", ")} after this login`;
    return [{ name, state: "warning", message, fix: "log out and in again, or restart" }];
  }
  return [{ name, state: "ok", message: `${user} is in ${groups.join(", ")}` }];
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
