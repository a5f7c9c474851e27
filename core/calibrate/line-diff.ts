/** What changes between two texts: lines that go with "- ", lines that come with "+ ", and one line around them. */
export function lineDiff(before: string, after: string): string {
  const [a, b] = [linesOf(before), linesOf(after)];
  const kept = longestCommon(a, b);
  const out: { mark: " " | "-" | "+"; line: string }[] = [];
  let [i, j] = [0, 0];
  for (const [ki, kj] of [...kept, [a.length, b.length] as const]) {
    for (; i < ki; i++) out.push({ mark: "-", line: a[i]! });
    for (; j < kj; j++) out.push({ mark: "+", line: b[j]! });
    if (i < a.length && j < b.length) out.push({ mark: " ", line: a[i]! });
    [i, j] = [i + 1, j + 1];
  }
  const near = (at: number) => [out[at - 1], out[at], out[at + 1]].some((one) => one && one.mark !== " ");
  return out
    .filter((_, at) => near(at))
    .map(({ mark, line }) => `${mark} ${line}`.trimEnd())
    .join("\n");
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

/** Pairs of positions of lines that both have, in order. */
function longestCommon(a: readonly string[], b: readonly string[]): (readonly [number, number])[] {
  const length = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i]![j] =
        a[i] === b[j] ? length[i + 1]![j + 1]! + 1 : Math.max(length[i + 1]![j]!, length[i]![j + 1]!);
  const pairs: (readonly [number, number])[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (length[i + 1]![j]! >= length[i]![j + 1]!) i++;
    else j++;
  }
  return pairs;
}
