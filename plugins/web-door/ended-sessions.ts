import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Kept in the state folder, for all doors of this computer: ids of sessions tell them apart. */
const FILE = "web-logged-out.json";

/** Sessions that were logged out, by id, with their end in Unix seconds. Outlives the process where there is a folder to keep it in. */
export class EndedSessions {
  readonly #file: string | undefined;
  readonly #folder: string | undefined;
  readonly #unkept: (error: unknown) => void;
  readonly #ends: Map<string, number>;

  /** `ends` outlives a reload. `unkept` is told why the file could not be written: these sessions then end with the process only. */
  constructor(ends: Map<string, number>, folder: string | undefined, unkept: (error: unknown) => void) {
    this.#ends = ends;
    this.#folder = folder;
    this.#file = folder === undefined ? undefined : join(folder, FILE);
    this.#unkept = unkept;
    this.#readKept();
  }

  has(id: string): boolean {
    return this.#ends.has(id);
  }

  /** `endS` is when it would have ended by itself; afterwards it is forgotten. */
  add(id: string, endS: number, nowS: number): void {
    this.#readKept();
    this.#ends.set(id, endS);
    for (const [one, end] of this.#ends) if (end < nowS) this.#ends.delete(one);
    if (this.#file === undefined || this.#folder === undefined) return;
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      writeFileSync(`${this.#file}.new`, JSON.stringify(Object.fromEntries(this.#ends)), { mode: 0o600 });
      chmodSync(`${this.#file}.new`, 0o600);
      renameSync(`${this.#file}.new`, this.#file);
    } catch (error) {
      this.#unkept(error);
    }
  }

  /** Adds what another door wrote meanwhile. A file that is damaged, or not there, holds none. */
  #readKept(): void {
    if (this.#file === undefined) return;
    let kept: unknown;
    try {
      kept = JSON.parse(readFileSync(this.#file, "utf8"));
    } catch {
      return;
    }
    if (typeof kept !== "object" || kept === null) return;
    for (const [id, end] of Object.entries(kept)) if (typeof end === "number") this.#ends.set(id, end);
  }
}
