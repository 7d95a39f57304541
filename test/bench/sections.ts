/** Parts of a page that have commands of their own: text between `<!-- NAME -->` and `<!-- /NAME -->`, which whoever renews the rest keeps. */

const PART = /<!-- (\w+) -->\n[\s\S]*?<!-- \/\1 -->\n/g;

/** The page with this part in place of the one of that name, or at its end. */
export function withSection(page: string, name: string, text: string): string {
  const part = `<!-- ${name} -->\n${text.trim()}\n<!-- /${name} -->\n`;
  let found = false;
  const replaced = page.replace(PART, (old, of) => {
    if (of !== name) return old;
    found = true;
    return part;
  });
  return found ? replaced : `${page.trimEnd()}\n\n${part}`;
}

/** A new page with all parts that the old one had. */
export function keepSections(page: string, old: string): string {
  return [...old.matchAll(PART)].reduce(
    (kept, [part, name]) => withSection(kept, name!, part.split('\n').slice(1, -2).join('\n')),
    page,
  );
}
