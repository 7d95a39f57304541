/** The parts of `npm run bench:compile` that need no Debian. */
import { describe, expect, it } from 'vitest';
import { table } from './compile/table.ts';
import { keepSections, withSection } from './sections.ts';

describe('a part of a page', () => {
  const page = withSection('# Page\n\ntext\n', 'one', '## One\n\n1\n');

  it('goes to the end, and then stays in its place', () => {
    expect(page).toBe('# Page\n\ntext\n\n<!-- one -->\n## One\n\n1\n<!-- /one -->\n');
    const two = withSection(page, 'two', 'x');
    expect(withSection(two, 'one', 'y')).toBe(
      '# Page\n\ntext\n\n<!-- one -->\ny\n<!-- /one -->\n\n<!-- two -->\nx\n<!-- /two -->\n',
    );
  });

  it('survives a renewed page', () => {
    expect(keepSections('# New\n', withSection(page, 'two', 'x'))).toBe(
      '# New\n\n<!-- one -->\n## One\n\n1\n<!-- /one -->\n\n<!-- two -->\nx\n<!-- /two -->\n',
    );
  });
});

it('the table says best, median and what a process costs', () => {
  const node = { name: 'node', ms: [61, 60, 80], mb: 39.4 };
  expect(table([node, { name: 'warm', ms: [3.02, 2.5, 9], mb: undefined }], node)).toBe(
    `| | best, ms | median, ms | times node | peak, MB |
|---|---|---|---|---|
| node | 60 | 61 | 1.00 | 39 |
| warm | 2.5 | 3.0 | 0.04 |  |`,
  );
});
