import { join } from "node:path";
import type { DoctorVisit } from "./finding.ts";

const LIMIT_MS = 5000;

/** A visit to this computer, or to the one whose files lie below `root`. */
export function systemVisit(
  env: Readonly<Record<string, string | undefined>>,
  root: string,
): Pick<DoctorVisit, "env" | "path" | "run"> {
  return {
    env,
    path: (absolute) => (root === "" ? absolute : join(root, absolute)),
    async run([program = "", ...options], limitMs = LIMIT_MS) {
      const path = Bun.which(program, { PATH: env["PATH"] ?? "" });
      if (path === null) return undefined;
      const child = Bun.spawn([path, ...options], {
        ...{ stdin: "ignore", stdout: "pipe", stderr: "pipe", env, timeout: limitMs, killSignal: "SIGKILL" },
      });
      const texts = await Promise.all([child.stdout.text(), child.stderr.text()]);
      await child.exited;
      return { code: child.exitCode, text: texts.join("").trim() };
    },
  };
}
