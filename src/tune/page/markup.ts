/**
 * HTML and SVG as values. Elements are closed by construction and every text is escaped, so a model
 * whose name holds `<script>` shows it and does not run it.
 */

/** A piece of markup. Only this file makes one, so text cannot pass for it. */
export class Markup {
  /** @param source escaped, every element closed */
  private constructor(readonly source: string) {}

  /** Of an element. */
  static of(name: string, attributes: Attributes, content: readonly Content[]): Markup {
    return new Markup(`<${name}${attributesText(attributes)}>${content.map(sourceOf).join("")}</${name}>`);
  }

  /** Of an element of HTML that has no content and no end tag, such as `meta`. */
  static ofVoid(name: string, attributes: Attributes): Markup {
    return new Markup(`<${name}${attributesText(attributes)} />`);
  }

  /** Of a style sheet, which is not escaped: it comes from this package and holds no `<`. */
  static ofStyle(rules: string): Markup {
    return new Markup(`<style>${rules}</style>`);
  }
}

/** What an element may hold; `null` is nothing. */
export type Content = Markup | string | number | null | readonly Content[];

/** Attributes by name. Numbers are rounded to 2 decimals; those that are undefined are left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element with its content, in order. Names of elements and attributes are not escaped: they are code. */
export const element = (name: string, attributes: Attributes = {}, ...content: readonly Content[]): Markup =>
  Markup.of(name, attributes, content);

function sourceOf(content: Content): string {
  if (content === null) return "";
  if (content instanceof Markup) return content.source;
  if (typeof content === "string" || typeof content === "number") return escapeText(String(content));
  return content.map(sourceOf).join("");
}

function attributesText(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => {
      if (value === undefined) return "";
      const text = typeof value === "number" ? String(Math.round(value * 100) / 100) : value;
      return ` ${name}="${escapeText(text)}"`;
    })
    .join("");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escapeText = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character] as string);
