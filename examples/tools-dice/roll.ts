/** A number from 1 to `sides`, each as likely as the others. */
export function roll(sides: number, random: () => number = Math.random): number {
  return 1 + Math.floor(random() * sides);
}
