import { describe, expect, test } from "bun:test";
import type { CalibrationVisit, TomlValue } from "../../core/index.ts";
import { scaledMap } from "../../plugins/drive-picarx/calibration/speed.ts";
import { between, grayscaleStep } from "../../plugins/line-grayscale/calibration.ts";
import { ScriptedBody } from "../fixtures/scripted-body.ts";

const MAP = [
  [0.27, 0.05],
  [0.5, 0.225],
  [0.9, 0.525],
] as const;

describe("the speeds that follow from two drives", () => {
  test("are those of the map times what was measured near them", () => {
    expect(
      scaledMap(MAP, [
        [0.2, 2],
        [0.5, 1],
      ]),
    ).toEqual([
      [0.27, 0.1],
      [0.5, 0.431],
      [0.9, 0.525],
    ]);
    expect(scaledMap(MAP, [[0.2, 0.5]])).toEqual([
      [0.27, 0.025],
      [0.5, 0.113],
      [0.9, 0.263],
    ]);
  });

  test("are none where they would not rise any more", () => {
    expect(
      scaledMap(MAP, [
        [0.2, 3],
        [0.5, 0.3],
      ]),
    ).toBeUndefined();
    expect(scaledMap(MAP, [])).toBeUndefined();
    expect(scaledMap([[0.5, 0.02]], [[0.2, 0.1]])).toBeUndefined();
  });
});

describe("the thresholds of the line sensors", () => {
  /** Sensors that see one thing after the other; each question is answered by the next answer. */
  async function calibrated(places: [number, number, number][], answers: string[]) {
    const body = new ScriptedBody();
    const said: string[] = [];
    const own: Record<string, TomlValue> = {};
    const drive: Record<string, TomlValue> = {};
    let at = 0;
    const next = () => {
      const grayscale = places[Math.min(at++, places.length - 1)]!;
      void body.listened().then(() => {
        for (let noise = 0; noise < 8; noise++)
          body.tell({ grayscale: grayscale.map((one) => one + noise) as [number, number, number] });
      });
    };
    const visit = {
      ...{ id: "line", config: {}, signal: new AbortController().signal },
      use: () => body,
      has: () => true,
      say: (text: string) => void said.push(text),
      ask: async () => (next(), ""),
      choose: async () => {
        const answer = answers.shift() ?? "n";
        if (answer === "y") next();
        return answer;
      },
      number: async () => undefined,
      set: (keys: Record<string, TomlValue>) => void Object.assign(own, keys),
      setOf: (_: string, keys: Record<string, TomlValue>) => void Object.assign(drive, keys),
    } as unknown as CalibrationVisit;
    await grayscaleStep.run(visit);
    return { own, drive, said };
  }

  test("lie in the middle between floor and line, and between line and nothing, for the guard as well", async () => {
    const { own, drive } = await calibrated(
      [
        [1400, 1380, 1420],
        [400, 420, 390],
        [60, 50, 70],
      ],
      ["y", "y"],
    );
    expect(own).toEqual({ line_reference: [904, 904, 909], cliff_reference: [234, 239, 234] });
    expect(drive).toEqual({ cliff_reference: [234, 239, 234] });
  });

  test("of a robot that follows no lines lie between the floor and nothing", async () => {
    const { own } = await calibrated(
      [
        [1000, 1000, 1000],
        [100, 100, 100],
      ],
      ["n", "y"],
    );
    expect(own).toEqual({ cliff_reference: [554, 554, 554] });
  });

  test("stay as they are where light and dark look the same", async () => {
    const { own, drive, said } = await calibrated(
      [
        [1000, 1000, 1000],
        [990, 300, 300],
        [980, 90, 90],
      ],
      ["y", "y"],
    );
    expect([own, drive]).toEqual([{}, {}]);
    expect(said.join("\n")).toContain("the line's threshold stays as it is");
    expect(said.join("\n")).toContain("the edge's threshold stays as it is");
    expect(
      between({ least: [0, 0, 0], most: [10, 10, 95] }, { least: [100, 100, 100], most: [100, 100, 100] }),
    ).toBeUndefined();
  });
});
