/** What BCC's Lua scripts require and what bcc-lua hands them: require('ffi'), utils.argparse. */
import { describe, expect, it } from 'vitest';
import { runLuaScript } from '../../frontends/lua/index.ts';

/** Runs a script of bcc-lua's form with arguments; what it printed. Throws what it throws. */
function run(body: string, args: readonly string[] = []): string {
  let out = '';
  const output = { write: (_fd: 1 | 2, bytes: Uint8Array) => void (out += Buffer.from(bytes).toString('utf8')) };
  runLuaScript({ name: 'tool.lua', text: `return function(BPF, utils)\n${body}\nend`, args, output });
  return out;
}

describe("require('ffi')", () => {
  it('has the text of character arrays, which are text already', () => {
    const text = "local ffi = require('ffi') print(ffi.string('bash'), ffi.string('ab\\0cd'), ffi.string('abcd', 2))";
    expect(run(text)).toBe('bash\tab\tab\n');
    expect(run("print(require('ffi').string({ [0] = 104, 105, 0, 120 }))")).toBe('hi\n');
    expect(run("print(require('ffi').string({ 104, 105, 0, 120 }), #require('ffi').string({ 1, 0, 2 }, 3))")).toBe(
      'hi\t3\n',
    );
  });

  it('says what it does not have', () => {
    expect(() => run("local x = require('ffi').new('int[3]')")).toThrow('tool.lua:2: ffi.new: there is no C memory');
    expect(() => run("require('ffi').string(5)")).toThrow(
      'tool.lua:2: ffi.string: text or an array of bytes is needed',
    );
  });
});

describe('utils.argparse [L.argparse]', () => {
  // The options of BCC's memleak.lua, and a positional one.
  const PARSER = `
    local parser = utils.argparse('tool', 'Does something')
    parser:flag('-a --show-allocs')
    parser:option('-p --pid'):convert(tonumber)
    parser:option('-T --top', 'how many', 10):convert(tonumber)
    parser:option('--by'):choices({ 'size', 'count' })
    parser:mutex(parser:flag('-u --user-only'), parser:flag('-k --kernel-only'))
    parser:argument('words', 'what to look for'):args('*')
    local args = parser:parse()
    print(args.show_allocs, args.pid, args.top, args.by, args.user_only, table.concat(args.words or {}, ','))`;
  it.each([
    [[], 'nil nil 10 nil nil '],
    [['-a', '-p', '12', '--top=3', 'x', 'y'], 'true 12 3 nil nil x,y'],
    [['-p12', '-auT4', '--by', 'size'], 'true 12 4 size true '],
    [['--show-allocs', '--', '-a', '-'], 'true nil 10 nil nil -a,-'],
  ])('%j', (args, expected) => {
    expect(run(PARSER, args)).toBe(`${expected.replaceAll(' ', '\t')}\n`);
  });

  it.each([
    [['-x'], "tool: there is no option '-x' (-h says what there is)"],
    [['-p'], "option '-p' needs a value"],
    [['-p', 'me'], "'me' is no value of --pid"],
    [['--by', 'age'], "'age' is none of: size, count"],
    [['-u', '-k'], "'-u' and '-k' exclude each other"],
  ])('%j is refused', (args, message) => {
    expect(() => run(PARSER, args)).toThrow(message);
  });

  it('misses positional arguments, and has no room for more', () => {
    const one = "local p = utils.argparse('t') p:argument('pid'):convert(tonumber) print(p:parse().pid)";
    expect(run(one, ['7'])).toBe('7\n');
    expect(() => run(one)).toThrow("t: argument 'pid' is needed");
    expect(() => run(one, ['7', '8'])).toThrow("too many arguments: '8'");
  });
});
