/** A typed line that is nothing but an order to stop. */
const STOP =
  /^(?:please |robot,? )*(?:stop|halt|freeze)(?: (?:now|moving|right now|please|robot))*\s*[.!]*$/i;

/**
 * True for a typed line like "stop" or "please stop!" and for no sentence that merely contains it. Whoever takes lines from people
 * stops the robot by it at once, whatever the link and the server do.
 */
export function asksToStop(line: string): boolean {
  return STOP.test(line.trim());
}
