import { existsSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";

const PACKAGE_FOLDER = join(import.meta.dir, "../..");
/** As deploy/install.sh puts it there. */
const UNIT = "/etc/systemd/system/myna.service";

/** Where a command is to be typed; without a key what holds for this process. */
export interface CommandPlace {
  /** It writes into the folder of the profiles. */
  writes?: boolean;
  /** Where Myna is. */
  folder?: string;
  /** Of the installed robot. */
  unit?: string;
  path?: string;
  cwd?: string;
}

/**
 * `bun run …` as whoever reads it can type it: on an installed robot, whose folder is root's and which has no `bun` on its path, in
 * a clone of one's own, or where `bun` is installed. `command` is what follows `bun run`.
 */
export function commandText(command: string, place: CommandPlace = {}): string {
  const { writes = false, folder = PACKAGE_FOLDER, unit = UNIT, cwd = process.cwd() } = place;
  const installed = installation(unit, folder);
  if (installed) {
    const there = realpathSync(cwd) === realpathSync(folder) ? "" : `cd ${installed.folder} && `;
    const user = writes ? "" : `-u ${installed.user} `;
    return `${there}sudo ${user}node_modules/.bin/bun run ${command}`;
  }
  const own = (place.path ?? process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((entry) => !/node_modules\/\.bin\/?$/.test(entry));
  return `${Bun.which("bun", { PATH: own.join(delimiter) }) ? "" : "npx "}bun run ${command}`;
}

/** Whose service runs this very folder. */
function installation(unit: string, folder: string): { folder: string; user: string } | undefined {
  if (!existsSync(unit)) return undefined;
  const text = readFileSync(unit, "utf8");
  const value = (key: string) => new RegExp(`^${key}=(.+)$`, "m").exec(text)?.[1]?.trim();
  const [at, user] = [value("WorkingDirectory"), value("User")];
  if (!at || !user || !existsSync(at) || realpathSync(at) !== realpathSync(folder)) return undefined;
  return { folder: at, user };
}
