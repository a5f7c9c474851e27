import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isRecord, numberOf } from "./ga-fields.ts";

/** What {@link DayLedger} works with. */
export interface DayLedgerDeps {
  /** Where the cost of the day is kept; undefined keeps it in memory only. */
  file: string | undefined;
  /** Told once when the file cannot be read or written; the ledger goes on in memory. */
  onTrouble: (message: string) => void;
  now?: () => Date;
}

/** What a day cost so far. */
export interface DayTotal {
  /** Local date, YYYY-MM-DD. */
  day: string;
  usd: number;
  /** Answers and transcriptions without a known price. */
  unpriced: number;
}

/**
 * The cost of the day, from midnight to midnight of the robot's clock. Kept in a small file, written at once and whole
 * (rename), so that a restart or a power cut does not forget what was spent; robots that share the file add up.
 */
export class DayLedger {
  readonly #deps: DayLedgerDeps;
  readonly #now: () => Date;
  /** Undefined until somebody asks: to know the day the engine loads its time zones, 5 ms and 4 MB. */
  #total: DayTotal | undefined;
  #troubled = false;

  constructor(deps: DayLedgerDeps) {
    this.#deps = deps;
    this.#now = deps.now ?? (() => new Date());
  }

  /** Today's total; a new day begins at zero. */
  total(): DayTotal {
    const day = this.#today();
    if (this.#total?.day !== day) {
      this.#total = { day, usd: 0, unpriced: 0 };
      this.#read(this.#total);
    }
    return this.#total;
  }

  add(usd: number, unpriced: number): void {
    if (usd === 0 && unpriced === 0) return;
    const total = this.total();
    this.#read(total);
    this.#total = { ...total, usd: total.usd + usd, unpriced: total.unpriced + unpriced };
    this.#write();
  }

  #today(): string {
    const now = this.#now();
    const two = (part: number) => String(part).padStart(2, "0");
    return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  }

  /** Takes over what the file knows of today; a file of another day, or one that is damaged, counts for nothing. */
  #read(total: DayTotal): void {
    const { file } = this.#deps;
    if (file === undefined) return;
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#trouble("read", error);
      return;
    }
    let kept: unknown;
    try {
      kept = JSON.parse(text);
    } catch (error) {
      this.#trouble("understand", error);
      return;
    }
    if (!isRecord(kept)) return;
    const usd = numberOf(kept["usd"]);
    if (kept["day"] !== total.day || usd === undefined || usd < 0) return;
    total.usd = Math.max(total.usd, usd);
    total.unpriced = Math.max(total.unpriced, numberOf(kept["unpriced"]) ?? 0);
  }

  #write(): void {
    const { file } = this.#deps;
    if (file === undefined) return;
    const draft = `${file}.${process.pid}`;
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(draft, `${JSON.stringify(this.#total)}\n`);
      renameSync(draft, file);
    } catch (error) {
      this.#trouble("write", error);
    }
  }

  #trouble(what: string, error: unknown): void {
    if (this.#troubled) return;
    this.#troubled = true;
    const reason = Error.isError(error) ? error.message : String(error);
    this.#deps.onTrouble(`[budget] state_file ${this.#deps.file}: cannot ${what} it: ${reason}`);
  }
}
