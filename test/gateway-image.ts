import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Copy, DockerfileParser } from "dockerfile-ast";
import { ROOT } from "./source-tree.ts";

/** What an engine would keep of a build, in folders. */
export interface BuiltImage {
  /** The root of the file system, with nothing of the base image. */
  root: string;
  workdir: string;
  env: Record<string, string>;
  user: string;
  entrypoint: string[];
  ports: string[];
}

/** Does the steps of a Dockerfile below `folder`. Throws where a COPY finds nothing or a RUN fails. */
export function buildImage(dockerfile: string, folder: string): BuiltImage {
  const context = join(folder, "context");
  copyContext(context);
  const stages = new Map<string, string>();
  let image: BuiltImage | undefined;
  for (const instruction of DockerfileParser.parse(readFileSync(dockerfile, "utf8")).getInstructions()) {
    const text = (instruction.getArgumentsContent() ?? "").replace(/\\\n/g, " ");
    const words = text.split(/\s+/).filter(Boolean);
    const keyword = instruction.getKeyword();
    if (keyword === "FROM") {
      const root = join(folder, `stage-${stages.size}`);
      stages.set(words[2] ?? String(stages.size), root);
      image = { root, workdir: "/", env: {}, user: "0", entrypoint: [], ports: [] };
      mkdirSync(root);
      continue;
    }
    if (!image) throw new Error(`${keyword} before FROM`);
    const inside = (path: string, root = image!.root) => join(root, resolve(image!.workdir, path));
    if (keyword === "WORKDIR") {
      image.workdir = resolve(image.workdir, text);
      mkdirSync(inside("."), { recursive: true });
    } else if (keyword === "COPY") {
      const from = instruction instanceof Copy ? instruction.getFromFlag()?.getValue() : undefined;
      const stage = from ? stages.get(from) : context;
      if (stage === undefined) throw new Error(`COPY ${text}: there is no such stage`);
      const to = words.pop()!;
      for (const source of words) copy(join(stage, resolve("/", source)), inside(to), to.endsWith("/"));
    } else if (keyword === "RUN") {
      run("sh", ["-ec", text], inside("."));
    } else if (keyword === "ENV") {
      for (const word of words) image.env[word.split("=")[0]!] = word.slice(word.indexOf("=") + 1);
    } else if (keyword === "USER") image.user = text;
    else if (keyword === "EXPOSE") image.ports.push(...words);
    else if (keyword === "ENTRYPOINT") image.entrypoint = JSON.parse(text) as string[];
    else if (keyword !== "STOPSIGNAL") throw new Error(`${keyword} is not known here`);
  }
  if (!image) throw new Error("there is no FROM");
  return image;
}

/** The project's files that `.dockerignore` lets through: those of git, and new ones that git would take. */
function copyContext(folder: string): void {
  const lines = readFileSync(join(ROOT, ".dockerignore"), "utf8").split("\n");
  const kept = lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const dropped = new Set(lines.filter((line) => line !== "" && !/^[!#*]/.test(line)));
  const listed = run("git", ["ls-files", "-co", "--exclude-standard", "--", ...kept], ROOT).split("\n");
  const files = listed.filter((name) => name !== "" && !dropped.has(name) && existsSync(join(ROOT, name)));
  mkdirSync(folder);
  run("cp", ["-a", "--parents", ...files, folder], ROOT);
}

/** As COPY: the content of a folder, or a file, by hard links where that is possible. */
function copy(from: string, to: string, intoFolder: boolean): void {
  const folder = run("stat", ["-c", "%F", from], ROOT).startsWith("directory");
  const target = folder || !intoFolder ? to : join(to, basename(from));
  mkdirSync(folder ? target : dirname(target), { recursive: true });
  run("cp", ["-al", folder ? `${from}/.` : from, target], ROOT);
}

function run(program: string, args: string[], cwd: string): string {
  const path = `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;
  const done = spawnSync(program, args, { cwd, encoding: "utf8", env: { ...process.env, PATH: path } });
  if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.stderr}${done.stdout}`);
  return done.stdout;
}
