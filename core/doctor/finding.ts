/** What one check of the doctor says. */
export interface Finding {
  /** What was looked at, in a word or two. */
  name: string;
  /** "not_here" is for what this computer or robot does not have, and for what is simulated; it is no fault. */
  state: "ok" | "warning" | "failed" | "not_here";
  message: string;
  /** What mends it: a command where there is one. */
  fix?: string;
}

/** What a plugin's `doctor` is given. */
export interface DoctorVisit<Config = unknown> {
  /** Key of the plugin's table in the profile. */
  readonly id: string;
  /** Name of the profile that is looked at; another robot may run meanwhile. */
  readonly profile: string;
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where a file of the system lies: `absolute` itself, or below the folder that `--root` names. */
  path(absolute: string): string;
  /**
   * What a program of the system prints on both its outputs; undefined where it is not installed. After `limitMs` (default 5000)
   * it is killed, and `code` is null.
   */
  run(
    command: readonly string[],
    limitMs?: number,
  ): Promise<{ code: number | null; text: string } | undefined>;
}
