/** `bun docs/terminal-picture.ts`: talks to the simulated robot and draws what the terminal showed as docs/terminal.svg. */
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const SENTENCES = ["move forward fifty centimetres", "turn left ninety degrees", "how far is the wall"];
/** Simulated devices, so that the picture does not depend on the machine. */
const SETTINGS = ["plugins.mic.use=mic-wav", "plugins.speaker.use=speaker-wav", "plugins.metrics.port=0"];
const LINE_PX = 20;
const LETTER_PX = 8.4;
const MARGIN_PX = 16;
const COLOURS: Record<string, string> = {
  heard: "#7ee0e0",
  robot: "#ffffff",
  tool: "#e8c46a",
  done: "#8fd18f",
  link: "#8fd18f",
  failed: "#ef8080",
};
const PLAIN = "#9aa4b2";

const flags = SENTENCES.flatMap((sentence) => ["--say", sentence]);
const settings = SETTINGS.flatMap((setting) => ["--set", setting]);
const robot = Bun.spawn([process.execPath, "core/main.ts", ...settings, ...flags, "--exit"], {
  cwd: ROOT,
  stdin: "ignore",
  stdout: "pipe",
  stderr: "ignore",
});
const output = await new Response(robot.stdout).text();
if ((await robot.exited) !== 0) {
  process.stderr.write(`the robot did not answer every sentence:\n${output}`);
  process.exit(1);
}
const lines = output.trimEnd().split("\n");
await Bun.write(join(import.meta.dir, "terminal.svg"), drawing(lines));
process.stdout.write(`${output}docs/terminal.svg\n`);

function drawing(rows: string[]): string {
  const width = Math.ceil(Math.max(...rows.map((row) => row.length)) * LETTER_PX + 2 * MARGIN_PX);
  const height = rows.length * LINE_PX + 2 * MARGIN_PX;
  const texts = rows.map((row, index) => {
    const colour = COLOURS[row.split(" ")[0] ?? ""] ?? PLAIN;
    const y = MARGIN_PX + (index + 0.75) * LINE_PX;
    return `<text x="${MARGIN_PX}" y="${y}" fill="${colour}">${Bun.escapeHTML(row)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" role="img">
<title>A conversation with the simulated robot</title>
<rect width="100%" height="100%" rx="8" fill="#14181f"/>
<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">
${texts.join("\n")}
</g>
</svg>
`;
}
