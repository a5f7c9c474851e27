/** Camera images in the conversation, oldest first: all but the newest are taken out, for each is paid for with every answer. */
export class ContextImages {
  readonly #keep: number;
  #items: string[] = [];

  /** `keep`: how many items with images stay, at least 1. */
  constructor(keep: number) {
    this.#keep = keep;
  }

  /** An item with images joined the conversation. */
  added(itemId: string): void {
    this.#items.push(itemId);
  }

  /** Items with images that stand for earlier ones in a new conversation; what was added meanwhile is newer. */
  restored(itemIds: readonly string[]): void {
    this.#items.unshift(...itemIds.filter((itemId) => !this.#items.includes(itemId)));
  }

  /** An item is gone, whoever deleted it. */
  deleted(itemId: string): void {
    this.#items = this.#items.filter((item) => item !== itemId);
  }

  /** True where there is more than shall be kept. */
  get excess(): boolean {
    return this.#items.length > this.#keep;
  }

  /** Forgets the items beyond the newest and returns them: the caller deletes them at the server. */
  trim(): string[] {
    return this.#items.splice(0, Math.max(0, this.#items.length - this.#keep));
  }

  /** A new conversation: it has no images. */
  clear(): void {
    this.#items = [];
  }
}
