import { describe, expect, test } from "bun:test";
import { EARCON, SOUND, SPEECH, Timeline } from "../../core/audio/timeline.ts";

/** Positions of the three sources behind each sample that was given to the device. */
type Sample = [speech: number, sound: number, earcon: number];

describe("timeline", () => {
  test("it agrees with a list of every sample, whatever the device's delay does", () => {
    let state = 11;
    const random = (limit: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state >>> 8) % limit;
    };
    const starts: Sample = [2 ** 32 - 5000, 100, 7];
    const timeline = new Timeline(...starts);
    const given: Sample[] = [];
    const next = [...starts] as Sample;
    let heard = 0;
    for (let period = 0; period < 3000; period++) {
      const counts = [random(3) === 0 ? random(481) : 480, random(481), 480] as const;
      timeline.push(480);
      counts.forEach((count, track) => timeline.track(track, next[track]!, count, count));
      for (let i = 0; i < 480; i++) {
        given.push(next.map((at, track) => (at + Math.min(i + 1, counts[track]!)) >>> 0) as Sample);
      }
      counts.forEach((count, track) => (next[track] = (next[track]! + count) >>> 0));
      const delay = random(4000);
      timeline.advance(delay);
      heard = Math.max(heard, given.length - delay);
      const expected = heard > 0 ? given[heard - 1]! : starts;
      expect([timeline.heard[SPEECH]!, timeline.heard[SOUND]!, timeline.heard[EARCON]!]).toEqual(expected);
    }
  });

  test("beyond two and a half seconds the oldest counts as heard", () => {
    const timeline = new Timeline(0, 0, 0);
    for (let period = 0; period < 200; period++) {
      timeline.push(480);
      timeline.track(SPEECH, period * 480, 480, 480);
      for (const source of [SOUND, EARCON]) timeline.track(source, 0, 0, 0);
    }
    timeline.advance(200 * 480);
    expect(timeline.heard[SPEECH]).toBe((200 - 128) * 480);
    timeline.reset(5, 6, 7);
    timeline.advance(0);
    expect([...timeline.heard]).toEqual([5, 6, 7]);
  });

  test("speech that was stretched is heard evenly over its part of the period, and ends where it ends", () => {
    const timeline = new Timeline(1000, 0, 0);
    timeline.push(480);
    timeline.track(SPEECH, 1000, 720, 480);
    timeline.push(480);
    timeline.track(SPEECH, 1720, 240, 480);
    const heardAt = (delay: number) => {
      timeline.advance(delay);
      return timeline.heard[SPEECH];
    };
    expect(heardAt(720)).toBe(1360);
    expect(heardAt(480)).toBe(1720);
    expect(heardAt(240)).toBe(1840);
    expect(heardAt(0)).toBe(1960);
  });
});
