// `npm run package [-- --out DIR] [--artifacts DIR] [--no-build]`: what is published. Into DIR (npm/ by default) go
//   skep-VERSION.tgz            the package itself: JavaScript, types and data, no C++, no install script ("gypfile": false)
//   TARGET/, skep-TARGET-VERSION.tgz  one platform package for each native addon at hand (linux-x64-gnu, ...), with os, cpu and libc,
// and the main package names the platform packages as optionalDependencies, so npm takes the one that fits and nothing is compiled or
// downloaded by a script. Folders and the loader (dist/native.cjs) are those of @napi-rs/cli. The addon of this machine is always taken;
// --artifacts adds those that other machines built, as files `skep.TARGET.node`;
// --no-build takes dist/ as it is.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const BINARY = 'skep';
/** Not a dependency of the project: half a hundred packages that only this script needs, some of which ask for a newer Node. */
const NAPI_CLI = '@napi-rs/cli@3.10.12';

/** What @napi-rs/cli calls a platform, by the names that its files carry. The rows are those the addon compiles on. */
const TARGETS = {
  'linux-x64-gnu': 'x86_64-unknown-linux-gnu',
  'linux-x64-musl': 'x86_64-unknown-linux-musl',
  'linux-arm64-gnu': 'aarch64-unknown-linux-gnu',
  'linux-arm64-musl': 'aarch64-unknown-linux-musl',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
  'win32-x64-msvc': 'x86_64-pc-windows-msvc',
};

function fail(message) {
  process.stderr.write(`package: ${message}\n`);
  process.exit(1);
}

function run(command, args, cwd = root) {
  const child = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (child.status !== 0)
    fail(`${[command, ...args].join(' ')} failed\n${child.stdout ?? ''}${child.stderr ?? child.error ?? ''}`);
  return child.stdout;
}

/** The name of this machine's platform, or undefined where there is no row for it. */
function hostTarget() {
  const abi =
    process.platform === 'linux'
      ? process.report.getReport().header.glibcVersionRuntime
        ? '-gnu'
        : '-musl'
      : process.platform === 'win32'
        ? '-msvc'
        : '';
  const name = `${process.platform}-${process.arch}${abi}`;
  return name in TARGETS ? name : undefined;
}

/** Target -> file of every addon at hand. */
function addons(artifacts) {
  const found = new Map();
  if (artifacts) {
    for (const name of readdirSync(artifacts, { recursive: true }))
      if (name.endsWith('.node')) addRow(found, join(artifacts, name));
  }
  const host = hostTarget();
  const built = join(root, 'build/Release', `${BINARY}.node`);
  if (host) {
    if (!existsSync(built)) run(process.execPath, [join(root, 'scripts/install.mjs')]);
    if (existsSync(built)) found.set(host, built);
  }
  return found;
}

function addRow(found, file) {
  const target = basename(file).slice(BINARY.length + 1, -'.node'.length);
  if (!(target in TARGETS)) fail(`${file}: no platform is called ${target}; known: ${Object.keys(TARGETS).join(', ')}`);
  found.set(target, file);
}

/** @napi-rs/cli, installed on its own under build/ the first time. */
async function napiCli() {
  const home = join(root, 'build/napi-cli');
  const version = NAPI_CLI.slice(NAPI_CLI.lastIndexOf('@') + 1);
  const installed = join(home, 'node_modules/@napi-rs/cli/package.json');
  if (!existsSync(installed) || JSON.parse(readFileSync(installed, 'utf8')).version !== version) {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
    run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', NAPI_CLI], home);
  }
  return import(pathToFileURL(join(home, 'node_modules/@napi-rs/cli/dist/index.js')).href);
}

/** Sources of the addon: in the repository's own package.json for `npm install` from git, of no use beside a built one. */
const onlyToBuild = (path) => /^(native|bindings|scripts)(\/|$)|^binding\.gyp$/.test(path);

/** The package.json that is published: nothing that runs at installation, nothing that only development needs. */
function publishedManifest(targets) {
  const { scripts: _scripts, devDependencies: _dev, ...kept } = manifest;
  return {
    ...kept,
    gypfile: false,
    files: manifest.files.filter((path) => !onlyToBuild(path)),
    optionalDependencies: Object.fromEntries(targets.map((target) => [`${manifest.name}-${target}`, manifest.version])),
    napi: { binaryName: BINARY, targets: targets.map((target) => TARGETS[target]) },
  };
}

function pack(folder, destination) {
  return JSON.parse(run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', destination], folder))[0];
}

let options;
try {
  options = parseArgs({
    options: {
      out: { type: 'string', default: 'npm' },
      artifacts: { type: 'string' },
      'no-build': { type: 'boolean' },
    },
  }).values;
} catch (error) {
  fail(`${error.message}\nusage: npm run package [-- --out DIR] [--artifacts DIR] [--no-build]`);
}
const out = resolve(options.out);
if (options.artifacts && !existsSync(options.artifacts)) fail(`--artifacts ${options.artifacts}: no such folder`);

const found = addons(options.artifacts);
if (found.size === 0) process.stderr.write('package: no native addon at hand; the package will run on its JIT alone\n');
const targets = [...found.keys()].sort();
const { NapiCli, writeJsBinding } = await napiCli();
if (!options['no-build']) run(process.execPath, [join(root, 'scripts/build.mjs')]);

const stage = join(root, 'build/package');
rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
mkdirSync(out, { recursive: true });
const published = publishedManifest(targets);
writeFileSync(join(stage, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
for (const { path } of JSON.parse(run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts']))[0].files) {
  if (path !== 'package.json' && !onlyToBuild(path)) cpSync(join(root, path), join(stage, path));
}

const lines = [];
if (targets.length > 0) {
  const sample = createRequire(import.meta.url)(found.get(hostTarget()) ?? found.values().next().value);
  await writeJsBinding({
    platform: true,
    idents: Object.keys(sample),
    outputDir: join(stage, 'dist'),
    jsBinding: 'native.cjs',
    binaryName: BINARY,
    packageName: manifest.name,
    version: manifest.version,
  });
  await new NapiCli().createNpmDirs({ cwd: stage, npmDir: 'npm' });
  for (const target of targets) {
    const folder = join(stage, 'npm', target);
    const addon = join(folder, `${BINARY}.${target}.node`);
    cpSync(found.get(target), addon);
    chmodSync(addon, 0o755);
    cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
    rmSync(join(out, target), { recursive: true, force: true });
    cpSync(folder, join(out, target), { recursive: true });
    lines.push(pack(folder, out));
  }
  rmSync(join(stage, 'npm'), { recursive: true });
}
lines.unshift(pack(stage, out));
for (const { filename, size, entryCount } of lines)
  process.stdout.write(`${join(out, filename)}  ${(size / 1e6).toFixed(2)} MB, ${entryCount} files\n`);
