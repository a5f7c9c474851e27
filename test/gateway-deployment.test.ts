import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { YAML } from "bun";
import type { IDeployment } from "kubernetes-models/apps/v1";
import { loadProfile } from "../core/profile.ts";
import { ownCertificate } from "../plugins/web-door/certificate.ts";
import { FakeBrowser } from "./kit/fake-browser.ts";
import { buildImage } from "./gateway-image.ts";
import type { BuiltImage } from "./gateway-image.ts";
import { startDoor } from "./plugins/web-door-kit.ts";
import { ROOT } from "./source-tree.ts";

const GATEWAY = join(ROOT, "deploy/gateway");
const MANIFESTS = join(GATEWAY, "kubernetes");
const folder = mkdtempSync(join(tmpdir(), "myna-gateway-"));
let image: BuiltImage;
beforeAll(() => {
  chmodSync(folder, 0o755);
  image = buildImage(join(GATEWAY, "Dockerfile"), folder);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
}

const manifests = new Map(
  readdirSync(MANIFESTS).map((file) => [
    file,
    YAML.parse(readFileSync(join(MANIFESTS, file), "utf8")) as Manifest,
  ]),
);
const deployment = manifests.get("deployment.yaml") as unknown as IDeployment;
const pod = deployment.spec!.template.spec!;
const container = pod.containers[0]!;
const profile = await loadProfile("gateway", { env: {} });
const web = profile.plugins.find(({ id }) => id === "web")!;

/** The manifest's flags, with addresses and files of this computer. */
async function flags(): Promise<string[]> {
  const state = join(folder, "tls");
  await ownCertificate(state, ["talk.example.com"]);
  for (const file of readdirSync(state)) chmodSync(join(state, file), 0o644);
  chmodSync(state, 0o755);
  const stands = {
    '"0.0.0.0"': '"127.1"',
    "/tls/tls.crt": `${state}/web-cert.pem`,
    "/tls/tls.key": `${state}/web-key.pem`,
  };
  return container.args!.map((arg) =>
    Object.entries(stands).reduce((text, [from, to]) => text.replace(from, to), arg),
  );
}

const SECRET = { OPENAI_API_KEY: "sk-test-key", MYNA_WEB_TOKEN: "a-token-of-the-operator" };

describe("the image", () => {
  test("holds the runtime, its packages and profiles, and neither tests nor what is for development only", () => {
    const app = join(image.root, "app");
    expect(readdirSync(app).toSorted()).toEqual(
      [
        "LICENSE",
        "THIRD-PARTY-NOTICES.md",
        "core",
        "node_modules",
        "package.json",
        "plugins",
        "profiles",
      ].toSorted(),
    );
    const packages = readdirSync(join(app, "node_modules"));
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(join(ROOT, "package.json"), "utf8"),
    ) as Record<"dependencies" | "devDependencies", Record<string, string>>;
    for (const name of Object.keys(dependencies)) expect(packages).toContain(name.split("/")[0]!);
    for (const name of ["playwright-core", "kubernetes-models", "typescript", "bun"])
      expect(packages).not.toContain(name);
    expect(Object.keys(devDependencies).length).toBeGreaterThan(0);
  });

  test("runs as its user, who may write nothing of it, is ready by TLS, and ends well at SIGTERM", async () => {
    const [uid = ""] = image.user.split(":");
    expect(Number(uid)).toBeGreaterThan(0);
    const bun = join(folder, "bun");
    copyFileSync(process.execPath, bun);
    chmodSync(bun, 0o755);
    const temporary = join(folder, "tmp");
    mkdirSync(temporary, { mode: 0o777 });
    chmodSync(temporary, 0o777);
    const [program, ...args] = image.entrypoint;
    expect(program).toBe("bun");
    const root = process.getuid?.() === 0;
    const asUser = root ? ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"] : [];
    const more = ["--set", "plugins.web.port=0"];
    const run = Bun.spawn([...asUser, bun, ...args, ...(await flags()), ...more], {
      cwd: join(image.root, image.workdir),
      env: { PATH: process.env["PATH"]!, ...image.env, XDG_STATE_HOME: join(temporary, "state"), ...SECRET },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    let log = "";
    let url = "";
    for await (const part of run.stderr.pipeThrough(new TextDecoderStream())) {
      log += part;
      url = /"url":"(https:[^"]+)"/.exec(log)?.[1] ?? "";
      if (url) break;
    }
    expect(url, log).toStartWith("https://127.0.0.1:");
    const ask = (path: string) => fetch(new URL(path, url), { tls: { rejectUnauthorized: false } });
    while ((await ask("ready").catch(() => undefined))?.status !== 200) await Bun.sleep(10);
    expect((await ask("metrics")).status).toBe(401);
    // A call is answered: the packages of a production install are all that it needs.
    const headers = { authorization: `Bearer ${SECRET.MYNA_WEB_TOKEN}` };
    const page = await FakeBrowser.create();
    const body = JSON.stringify({ sdp: await page.offer(), mode: "own" });
    const tls = { rejectUnauthorized: false };
    const answered = await fetch(new URL("talk/offer", url), { method: "POST", headers, body, tls });
    const { id, sdp } = (await answered.json()) as { id: string; sdp: string };
    expect(sdp).toContain("a=fingerprint:");
    await fetch(new URL(`talk/${id}`, url), { method: "DELETE", headers, tls });
    page.close();
    if (root) expect(readFileSync(`/proc/${run.pid}/status`, "utf8")).toContain(`Uid:\t${uid}\t${uid}`);
    run.kill("SIGTERM");
    expect(await run.exited).toBe(0);
    const written = spawnSync("find", [image.root, "-user", uid]).stdout.toString();
    if (root) expect(written).toBe("");
  });
});

describe("the manifests", () => {
  test("are what Kubernetes' schemas allow, without unknown keys", async () => {
    const project = join(folder, "types");
    mkdirSync(project);
    symlinkSync(join(ROOT, "node_modules"), join(project, "node_modules"));
    copyFileSync(join(ROOT, "tsconfig.json"), join(project, "tsconfig.json"));
    const check = (kinds: Manifest[]) => {
      const text = kinds.map((manifest, i) => {
        const group = manifest.apiVersion.replace("/", "/");
        return `import type { I${manifest.kind} as T${i} } from "kubernetes-models/${group}";
export const m${i}: T${i} = ${JSON.stringify(manifest)};`;
      });
      writeFileSync(join(project, "manifests.ts"), text.join("\n"));
      const done = spawnSync(process.execPath, ["check", "--no-script", "manifests.ts"], { cwd: project });
      return { code: done.status, said: done.stdout.toString() + done.stderr.toString() };
    };
    const real = [...manifests.values()].filter(({ kind }) => kind !== "Kustomization");
    expect(real.length).toBe(4);
    expect(check(real).said).toContain("No type errors");
    // The check itself: a misspelt key and a wrong type do not pass.
    const misspelt = structuredClone(deployment);
    Object.assign(misspelt.spec!.template.spec!, { terminationGracePeriod: 3 });
    expect(check([misspelt as Manifest]).said).toContain("terminationGracePeriod");
    expect(
      check([{ ...deployment, spec: { ...deployment.spec, replicas: "two" } } as unknown as Manifest]).code,
    ).not.toBe(0);
  });

  test("name each other, and the image, rightly", () => {
    const kustomization = manifests.get("kustomization.yaml") as unknown as {
      resources: string[];
      images: { name: string }[];
    };
    expect(kustomization.resources.toSorted()).toEqual(
      [...manifests.keys()].filter((file) => file !== "kustomization.yaml").toSorted(),
    );
    expect(kustomization.images.map(({ name }) => name)).toEqual([container.image!]);
    const labels = deployment.spec!.template.metadata!.labels!;
    expect(deployment.spec!.selector.matchLabels).toEqual(labels);
    for (const file of ["service.yaml", "disruption.yaml"])
      expect(JSON.stringify(manifests.get(file))).toContain(JSON.stringify(labels).slice(1, -1));
    const mounted = new Set(container.volumeMounts!.map(({ name }) => name));
    expect(new Set(pod.volumes!.map(({ name }) => name))).toEqual(mounted);
  });

  test("ask at the door's port for probes that anybody may ask, and leave the drain its time", async () => {
    const port = container.ports![0]!;
    expect(port.containerPort).toBe(8321);
    expect(image.ports).toEqual([`${port.containerPort}/tcp`]);
    expect(web.config["port"] ?? 8321).toBe(port.containerPort);
    await using door = await startDoor();
    for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
      const { path, port: asked, scheme } = probe!.httpGet!;
      expect({ asked, scheme }).toEqual({ asked: port.name!, scheme: "HTTPS" });
      expect((await fetch(new URL(path!, door.url))).status).toBe(200);
    }
    expect(profile.runtime.drain_s).toBeGreaterThan(0);
    expect(pod.terminationGracePeriodSeconds!).toBeGreaterThan(profile.runtime.drain_s + 10);
  });

  test("give it no rights and bounded means", () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: Number(image.user.split(":")[0]),
    });
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(container.securityContext).toEqual({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
    });
    expect(Object.keys(container.resources!.limits!).toSorted()).toEqual(["cpu", "memory"]);
  });

  test("a gateway without a key ends at once, and says which variable it wants", () => {
    const { exitCode, stderr } = Bun.spawnSync(
      [process.execPath, "core/main.ts", "--profile", "gateway", "--set", "plugins.web.port=0"],
      {
        cwd: ROOT,
        env: { ...process.env, OPENAI_API_KEY: "", OPENAI_EPHEMERAL_TOKEN: "" },
        timeout: 15_000,
      },
    );
    expect(stderr.toString()).toContain("[plugins.talk] url: no key for OpenAI");
    expect(stderr.toString()).toContain("OPENAI_API_KEY");
    expect(exitCode).toBe(2);
  });

  test("bound its memory above the alert, which warns before the kernel ends it", async () => {
    const rules = YAML.parse(await Bun.file(join(ROOT, "deploy/prometheus/rules.yml")).text()) as {
      groups: { rules: { alert: string; expr: string }[] }[];
    };
    const { expr } = rules.groups
      .flatMap((group) => group.rules)
      .find(({ alert }) => alert === "MynaMemory")!;
    const limit = /^(\d+)Mi$/.exec(String(container.resources!.limits!["memory"]))![1];
    expect(Number(expr.split(">")[1])).toBeLessThan(0.9 * Number(limit) * 2 ** 20);
  });

  test("hand over flags that the profile takes", async () => {
    const done = spawnSync(
      process.execPath,
      ["core/main.ts", "--profile", "gateway", "--check", ...(await flags())],
      {
        cwd: ROOT,
        env: { ...process.env, ...SECRET },
      },
    );
    expect(done.stderr.toString()).toBe("");
    expect(done.status).toBe(0);
  });
});
