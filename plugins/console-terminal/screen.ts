import type { Interface } from "node:readline";
import type { Page } from "./live-view.ts";
import { formatRow } from "./rows.ts";
import type { Row } from "./rows.ts";

/** The part of a readline interface that redrawing needs. */
export type Editor = Pick<Interface, "getCursorPos" | "getPrompt" | "prompt" | "line">;

/** The part of a terminal's output stream that the screen writes to. */
export interface Glass {
  write(text: string): unknown;
  readonly columns?: number;
}

/** Plain lines, for output that is not a terminal. */
export class LinePage implements Page {
  readonly #write: (line: string) => void;
  readonly #colour: boolean;

  constructor(write: (line: string) => void, colour: boolean) {
    this.#write = write;
    this.#colour = colour;
  }

  print(row: Row): void {
    this.#write(`${formatRow(row, { colour: this.#colour })}\n`);
  }

  live(): void {}
}

/**
 * A terminal with three parts from top to bottom: lines that stay, lines that change in place, and the prompt with what is
 * being typed. Everything written while it is on the terminal has to go through it.
 */
export class Screen implements Page {
  readonly #out: Glass;
  readonly #editor: Editor;
  readonly #colour: boolean;
  #live: Row[] = [];
  /** Rows on the terminal between the lines that stay and the prompt. */
  #drawnRows = 0;
  #dirty = false;
  #visible = false;

  constructor(out: Glass, editor: Editor, colour: boolean) {
    this.#out = out;
    this.#editor = editor;
    this.#colour = colour;
  }

  /** Shows the prompt. */
  show(): void {
    this.#visible = true;
    this.#draw("");
  }

  print(row: Row): void {
    this.text(`${formatRow(row, { colour: this.#colour })}\n`);
  }

  /** Lines from elsewhere (the log), kept above the prompt. */
  text(lines: string): void {
    const whole = lines === "" || lines.endsWith("\n") ? lines : `${lines}\n`;
    if (!this.#visible) this.#out.write(whole);
    else this.#draw(whole);
  }

  /** Shown at the next {@link refresh}. */
  live(rows: Row[]): void {
    this.#live = rows;
    this.#dirty = true;
  }

  /** Redraws the changing lines if they changed; call it some 20 times a second. */
  refresh(): void {
    if (this.#dirty && this.#visible) this.#draw("");
  }

  /** After Enter the cursor stands below the typed line: the changing lines and the typed line give way to `row`. */
  entered(typed: string, row: Row | undefined): void {
    if (!this.#visible) return;
    const width = Bun.stringWidth(this.#editor.getPrompt() + typed);
    const typedRows = 1 + Math.floor(Math.max(width - 1, 0) / this.#columns);
    const keep = row === undefined ? "" : `${formatRow(row, { colour: this.#colour })}\n`;
    this.#out.write(this.#frame(typedRows + this.#drawnRows, keep));
    this.#editor.prompt(false);
  }

  /** Takes the changing lines and the prompt away; what is printed later just follows. */
  hide(): void {
    if (!this.#visible) return;
    this.#visible = false;
    this.#out.write(up(this.#editor.getCursorPos().rows + this.#drawnRows));
    this.#drawnRows = 0;
  }

  get #columns(): number {
    return this.#out.columns ?? 80;
  }

  #draw(lines: string): void {
    this.#out.write(this.#frame(this.#editor.getCursorPos().rows + this.#drawnRows, lines));
    // readline moves up by the rows of its last drawing, which this screen has erased already.
    (this.#editor as { prevRows?: number }).prevRows = 0;
    this.#editor.prompt(true);
  }

  #frame(rowsUp: number, lines: string): string {
    this.#dirty = false;
    this.#drawnRows = this.#live.length;
    const live = this.#live.map((row) =>
      formatRow(row, { colour: this.#colour, width: this.#columns - 1, tail: true }),
    );
    return `${up(rowsUp)}${lines}${live.map((line) => `${line}\n`).join("")}`;
  }
}

/** To the first column `rows` rows up, everything from there on erased. */
function up(rows: number): string {
  return `\r${rows > 0 ? `\x1b[${rows}A` : ""}\x1b[J`;
}
