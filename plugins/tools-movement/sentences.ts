import type { MotionReport } from "myna";

/** Results as sentences that can be spoken as they are. */

/** "50 centimeters", "1 meter", "2.1 meters"; without a sign. */
export function sayLength(lengthM: number, digits = 2): string {
  const length = Math.abs(lengthM);
  const centimeters = Math.round(length * 100);
  if (centimeters < 100) return `${centimeters} ${centimeters === 1 ? "centimeter" : "centimeters"}`;
  const meters = Number(length.toFixed(digits));
  return `${meters} ${meters === 1 ? "meter" : "meters"}`;
}

/** "90 degrees"; without a sign. */
export function sayAngle(angleDeg: number): string {
  const degrees = Math.round(Math.abs(angleDeg));
  return `${degrees} ${degrees === 1 ? "degree" : "degrees"}`;
}

/** What a drive did: "I moved forward 50 centimeters." or how far it came and what ended it. */
export function sayMove(report: MotionReport, askedM: number): string {
  const backward = askedM < 0;
  if (report.ended === "completed")
    return `I moved ${backward ? "back" : "forward"} ${sayLength(report.movedM)}.`;
  const where = backward ? "behind me" : "ahead";
  const reason = sayReason(report, where);
  return Math.round(Math.abs(report.movedM) * 100) === 0
    ? `I did not move: ${reason}.`
    : `I stopped after ${sayLength(report.movedM)}: ${reason}.`;
}

/** What a turn did: "I turned left 90 degrees." or how far it came and what ended it. */
export function sayTurn(report: MotionReport, askedDeg: number): string {
  const side = askedDeg < 0 ? "right" : "left";
  if (report.ended === "completed") return `I turned ${side} ${sayAngle(report.turnedDeg)}.`;
  const reason = sayReason(report, "in the way");
  return Math.round(Math.abs(report.turnedDeg)) === 0
    ? `I did not turn: ${reason}.`
    : `I turned ${side} only ${sayAngle(report.turnedDeg)}: ${reason}.`;
}

function sayReason(report: MotionReport, where: string): string {
  switch (report.ended) {
    case "completed":
      return "that was all";
    case "obstacle":
      if (report.obstacleM === undefined || where === "in the way") return `an obstacle is ${where}`;
      return `an obstacle is ${sayLength(report.obstacleM)} ${where}`;
    case "cliff":
      return `the floor ends ${where === "in the way" ? "there" : where}`;
    case "stopped":
      return "I was told to stop";
    case "superseded":
      return "another motion took over";
    case "lease":
      return "the time for one motion was up";
    case "link_lost":
      return "the connection was lost";
    case "failed":
      return "the motors failed";
  }
}

/** Where the camera looks: "I am looking up.", "I am looking 30 degrees to the left." */
export function sayLook({ panDeg, tiltDeg }: { panDeg: number; tiltDeg: number }): string {
  const parts: string[] = [];
  if (Math.round(panDeg) !== 0) parts.push(`${sayAngle(panDeg)} to the ${panDeg > 0 ? "left" : "right"}`);
  if (Math.round(tiltDeg) !== 0) parts.push(`${sayAngle(tiltDeg)} ${tiltDeg > 0 ? "up" : "down"}`);
  return `I am looking ${parts.length > 0 ? parts.join(" and ") : "straight ahead"}.`;
}

/** What a curve did: "I drove a curve of 50 centimeters to the left." */
export function saySteered(report: Ended, side: string): string {
  const way = `a curve of ${sayLength(report.movedM)} to the ${side}`;
  return report.ended === "completed" ? `I drove ${way}.` : sayEnd(`I drove ${way}`, report);
}

/** How far a line was followed, and why no farther. */
export function sayFollowedLine(report: Ended): string {
  const way = `I followed the line for ${sayLength(report.movedM)}`;
  if (report.ended === "completed") return `${way}.`;
  return report.ended === "line_lost" ? `${way}: then I lost it.` : sayEnd(way, report);
}

/** What came of keeping a distance. */
export function sayKeptDistance(report: Ended, keepM: number): string {
  const kept = `I kept ${sayLength(keepM)} distance`;
  return report.ended === "completed" ? `${kept}.` : sayEnd(kept, report);
}

type Ended = Omit<MotionReport, "ended"> & { ended: string };

function sayEnd(done: string, report: Ended): string {
  return `${done}: ${sayReason(report as MotionReport, report.movedM < 0 ? "behind me" : "ahead")}.`;
}
