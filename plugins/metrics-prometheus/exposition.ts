/** Label names and values of one series. */
export type Labels = Readonly<Record<string, string>>;

interface Family {
  readonly name: string;
  /** The lines of the family in the text format, with HELP and TYPE. */
  lines(): string[];
}

/** All metrics of an exporter, in the order of their registration, in Prometheus' text format 0.0.4. */
export class Exposition {
  readonly #families: Family[] = [];

  /** Only goes up; the name ends in `_total`. */
  counter(name: string, help: string): Counter {
    return this.#add(new Counter(name, help));
  }

  /** A value taken when somebody looks: series by series. */
  gauge(name: string, help: string, read: () => Iterable<readonly [Labels, number]>): void {
    this.#add(new Collected(name, help, "gauge", read));
  }

  /** A count that somebody else keeps, taken when somebody looks; the name ends in `_total`. */
  collectedCounter(name: string, help: string, read: () => Iterable<readonly [Labels, number]>): void {
    this.#add(new Collected(name, help, "counter", read));
  }

  /** Distribution over `buckets` (upper bounds, ascending). */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return this.#add(new Histogram(name, help, buckets));
  }

  /** A distribution that somebody else keeps, taken when somebody looks: series by series. */
  collectedHistogram(
    name: string,
    help: string,
    read: () => Iterable<readonly [Labels, CollectedHistogram]>,
  ): void {
    this.#add(new CollectedDistributions(name, help, read));
  }

  text(): string {
    return this.#families.flatMap((family) => family.lines()).join("\n") + "\n";
  }

  #add<F extends Family>(family: F): F {
    this.#families.push(family);
    return family;
  }
}

/** Series that only go up. */
export class Counter implements Family {
  readonly name: string;
  readonly #help: string;
  readonly #series = new Map<string, number>();

  constructor(name: string, help: string) {
    this.name = name;
    this.#help = help;
  }

  add(labels: Labels = {}, by = 1): void {
    const key = renderLabels(labels);
    this.#series.set(key, (this.#series.get(key) ?? 0) + by);
  }

  lines(): string[] {
    const samples = [...this.#series].map(([labels, value]) => `${this.name}${labels} ${value}`);
    return [...header(this.name, this.#help, "counter"), ...samples];
  }
}

class Collected implements Family {
  readonly name: string;
  readonly #header: string[];
  readonly #read: () => Iterable<readonly [Labels, number]>;

  constructor(
    name: string,
    help: string,
    type: "gauge" | "counter",
    read: () => Iterable<readonly [Labels, number]>,
  ) {
    this.name = name;
    this.#header = header(name, help, type);
    this.#read = read;
  }

  lines(): string[] {
    const samples = [...this.#read()].map(
      ([labels, value]) => `${this.name}${renderLabels(labels)} ${value}`,
    );
    return [...this.#header, ...samples];
  }
}

/** Upper bounds, ascending, with how many values are not above each; then the sum and number of all values. */
export interface CollectedHistogram {
  buckets: readonly (readonly [bound: number, count: number])[];
  sum: number;
  count: number;
}

class CollectedDistributions implements Family {
  readonly name: string;
  readonly #help: string;
  readonly #read: () => Iterable<readonly [Labels, CollectedHistogram]>;

  constructor(name: string, help: string, read: () => Iterable<readonly [Labels, CollectedHistogram]>) {
    this.name = name;
    this.#help = help;
    this.#read = read;
  }

  lines(): string[] {
    const lines = header(this.name, this.#help, "histogram");
    for (const [labels, { buckets, sum, count }] of this.#read()) {
      for (const [bound, below] of buckets)
        lines.push(`${this.name}_bucket${renderLabels({ ...labels, le: String(bound) })} ${below}`);
      lines.push(`${this.name}_bucket${renderLabels({ ...labels, le: "+Inf" })} ${count}`);
      lines.push(`${this.name}_sum${renderLabels(labels)} ${sum}`);
      lines.push(`${this.name}_count${renderLabels(labels)} ${count}`);
    }
    return lines;
  }
}

interface Distribution {
  labels: Labels;
  counts: number[];
  sum: number;
  count: number;
}

/** Cumulative buckets, sum and count. */
export class Histogram implements Family {
  readonly name: string;
  readonly #help: string;
  readonly #buckets: readonly number[];
  readonly #series = new Map<string, Distribution>();

  constructor(name: string, help: string, buckets: readonly number[]) {
    this.name = name;
    this.#help = help;
    this.#buckets = buckets;
  }

  observe(value: number, labels: Labels = {}): void {
    const key = renderLabels(labels);
    let series = this.#series.get(key);
    if (!series) {
      series = { labels, counts: this.#buckets.map(() => 0), sum: 0, count: 0 };
      this.#series.set(key, series);
    }
    const first = this.#buckets.findIndex((bound) => value <= bound);
    if (first >= 0) series.counts[first] = (series.counts[first] ?? 0) + 1;
    series.sum += value;
    series.count++;
  }

  lines(): string[] {
    const lines = header(this.name, this.#help, "histogram");
    for (const { labels, counts, sum, count } of this.#series.values()) {
      let below = 0;
      this.#buckets.forEach((bound, i) => {
        below += counts[i] ?? 0;
        lines.push(`${this.name}_bucket${renderLabels({ ...labels, le: String(bound) })} ${below}`);
      });
      lines.push(`${this.name}_bucket${renderLabels({ ...labels, le: "+Inf" })} ${count}`);
      lines.push(`${this.name}_sum${renderLabels(labels)} ${sum}`);
      lines.push(`${this.name}_count${renderLabels(labels)} ${count}`);
    }
    return lines;
  }
}

function header(name: string, help: string, type: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function renderLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
}

function escapeValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
