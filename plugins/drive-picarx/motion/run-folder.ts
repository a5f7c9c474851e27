import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/**
 * Where motion processes leave word of themselves, best first: `MYNA_RUN_FOLDER`, what systemd makes for a service
 * (`RuntimeDirectory=myna`), what it makes for a user, and the folder for temporary files.
 */
export function runFolders(env: Readonly<Record<string, string | undefined>> = process.env): string[] {
  const { MYNA_RUN_FOLDER: own, XDG_RUNTIME_DIR: user } = env;
  if (own) return [own];
  return ["/run/myna", ...(user ? [join(user, "myna")] : []), join(tmpdir(), `myna-${userInfo().uid}`)];
}
