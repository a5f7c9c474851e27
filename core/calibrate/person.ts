import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { MynaError } from "../errors.ts";
import type { CalibrationVisit } from "./step.ts";

/** What was typed before a question has come from the terminal by then. */
const TYPED_AHEAD_MS = 50;

/** Whoever answers: lines of `input`, questions on `output`. */
export class Person implements Pick<CalibrationVisit, "say" | "ask" | "choose" | "number"> {
  readonly #input: Readable & { isTTY?: boolean };
  readonly #output: Writable;
  readonly #lines: string[] = [];
  readonly #close: () => void;
  #waiting: PromiseWithResolvers<string> | undefined;
  #gone = false;

  constructor(input: Readable, output: Writable) {
    this.#input = input;
    this.#output = output;
    const reader = createInterface({ input });
    reader.on("line", (line) => {
      if (this.#waiting) this.#waiting.resolve(line);
      else this.#lines.push(line);
      this.#waiting = undefined;
    });
    reader.on("close", () => {
      this.#gone = true;
      this.#waiting?.reject(gone());
    });
    this.#close = () => reader.close();
  }

  say(text: string): void {
    this.#output.write(`${text}\n`);
  }

  async ask(question: string): Promise<string> {
    // At a terminal an answer is one to what was read; a script's lines wait for their questions.
    if (this.#input.isTTY) {
      await Bun.sleep(TYPED_AHEAD_MS);
      this.#lines.length = 0;
    }
    this.#output.write(`${question} `);
    const line = this.#lines.shift();
    if (line !== undefined) return line.trim();
    if (this.#gone) throw gone();
    this.#waiting = Promise.withResolvers();
    return (await this.#waiting.promise).trim();
  }

  async choose<L extends string>(question: string, letters: readonly [L, ...L[]]): Promise<L> {
    const shown = letters.map((letter, at) => (at === 0 ? letter.toUpperCase() : letter)).join("/");
    for (;;) {
      const answer = (await this.ask(`${question} [${shown}]`)).toLowerCase();
      const found = answer === "" ? letters[0] : letters.find((letter) => letter === answer);
      if (found !== undefined) return found;
      this.say(`One of ${letters.join(", ")}, please.`);
    }
  }

  async number(question: string, { min, max }: { min: number; max: number }): Promise<number | undefined> {
    for (;;) {
      const answer = await this.ask(question);
      if (answer === "") return undefined;
      const value = Number(answer.replace(",", "."));
      if (value >= min && value <= max) return value;
      this.say(`A number from ${min} to ${max}, please.`);
    }
  }

  /** Nobody is asked any more. */
  leave(): void {
    this.#close();
  }
}

function gone(): MynaError {
  return new MynaError("SHUTTING_DOWN", "nobody answers any more");
}
