/**
 * The two documents that a release is signed with: a bill of materials and where it was built from.
 *
 *   node .ci/documents.ts sbom FACTS < what `npm sbom` printed
 *   node .ci/documents.ts provenance FACTS
 *
 * FACTS is a JSON file; see {@link ReleaseFacts}. Each is written to standard output.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

/** What is known of a release. */
export type ReleaseFacts = {
  readonly version: string;
  /** Of the commit, 40 hex digits. */
  readonly commit: string;
  /** URL of the repository, without user or password. */
  readonly source: string;
  readonly image: string;
  readonly charts: string;
  /** URI of who builds. */
  readonly builder: string;
  /** RFC 3339. */
  readonly committed: string;
  readonly started: string;
  readonly finished: string;
};

/** An image that a Dockerfile builds on. */
export type Base = { readonly name: string; readonly tag: string | undefined; readonly sha256: string | undefined };

type Json = { readonly [key: string]: unknown };

/** The images that a Dockerfile takes its stages from, each once, in their order. */
export function basesIn(dockerfile: string): readonly Base[] {
  const stages = new Set<string>();
  const bases = new Map<string, Base>();
  for (const line of dockerfile.split('\n')) {
    const words = line.split(/\s+/).filter((word) => word !== '' && !word.startsWith('--'));
    if (words.at(0)?.toUpperCase() !== 'FROM') continue;
    const from = words.at(1) ?? '';
    if (!stages.has(from)) bases.set(from, baseOf(from));
    if (words.at(2)?.toUpperCase() === 'AS') stages.add(words.at(3) ?? '');
  }
  return [...bases.values()];
}

/**
 * Completes a bill of materials of npm's: by what it is of, by the image that it ends on, whose packages npm does not know, and
 * by nothing that differs from one run to the next.
 * @throws where it is not CycloneDX, or says nothing
 */
export function completeSbom(printed: string, facts: ReleaseFacts, dockerfile: string): Json {
  const bom: unknown = JSON.parse(printed);
  if (!isJson(bom) || bom['bomFormat'] !== 'CycloneDX' || !isJson(bom['metadata'])) {
    throw new Error('npm printed no bill of materials in CycloneDX');
  }
  const { components, metadata } = bom;
  if (!Array.isArray(components) || components.length === 0) throw new Error('the bill of materials is empty');
  const own = isJson(metadata['component']) ? metadata['component'] : {};
  const last = basesIn(dockerfile).at(-1);
  return {
    ...bom,
    serialNumber: `urn:uuid:${uuidOf(`${facts.source}@${facts.commit}`)}`,
    metadata: {
      ...metadata,
      timestamp: facts.committed,
      component: { ...own, type: 'application', name: 'countersign', version: facts.version },
    },
    components: [...components, ...(last === undefined ? [] : [componentOf(last)])],
  };
}

/**
 * What a build was made from and by whom, as SLSA has it.
 * @see https://slsa.dev/spec/v1.0/provenance
 */
export function provenanceOf(facts: ReleaseFacts, dockerfile: string, lockfile: string): Json {
  const { version, commit, source, image, charts, builder, started, finished } = facts;
  return {
    buildDefinition: {
      buildType: `${source}/.ci/release@v1`,
      externalParameters: { version, image, charts },
      resolvedDependencies: [
        { uri: `git+${source}@refs/tags/v${version}`, digest: { gitCommit: commit } },
        { uri: `${source}/package-lock.json`, digest: { sha256: sha256Of(lockfile) } },
        ...basesIn(dockerfile).map((base) => ({
          uri: `docker://${base.name}${base.tag === undefined ? '' : `:${base.tag}`}`,
          ...(base.sha256 === undefined ? {} : { digest: { sha256: base.sha256 } }),
        })),
      ],
    },
    runDetails: {
      builder: { id: builder },
      metadata: { invocationId: `${source}@${commit}#${started}`, startedOn: started, finishedOn: finished },
    },
  };
}

function baseOf(from: string): Base {
  const [named = ''] = from.split('@', 1);
  const digest = from.slice(named.length + 1);
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/');
  return {
    name: tagged ? named.slice(0, colon) : named,
    tag: tagged ? named.slice(colon + 1) : undefined,
    sha256: digest.startsWith('sha256:') ? digest.slice('sha256:'.length) : undefined,
  };
}

function componentOf({ name, tag, sha256 }: Base): Json {
  return {
    'bom-ref': `docker://${name}`,
    type: 'container',
    name,
    ...(tag === undefined ? {} : { version: tag }),
    description: 'The image that countersign is built on. Its own packages are listed by whoever publishes it.',
    ...(sha256 === undefined ? {} : { hashes: [{ alg: 'SHA-256', content: sha256 }] }),
  };
}

/** A UUID of a text: version 8, which is for whatever its maker likes (RFC 9562 §5.8). */
function uuidOf(name: string): string {
  const hex = sha256Of(name);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function sha256Of(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readFacts(file: string): ReleaseFacts {
  const facts: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (!isJson(facts)) throw new Error(`${file} holds no facts`);
  const said = (name: keyof ReleaseFacts): string => {
    const value = facts[name];
    if (typeof value !== 'string' || value === '') throw new Error(`${file} does not say ${name}`);
    return value;
  };
  return {
    version: said('version'),
    commit: said('commit'),
    source: said('source'),
    image: said('image'),
    charts: said('charts'),
    builder: said('builder'),
    committed: said('committed'),
    started: said('started'),
    finished: said('finished'),
  };
}

if (import.meta.main) {
  const [what, file = ''] = process.argv.slice(2);
  const facts = readFacts(file);
  const dockerfile = readFileSync('Dockerfile', 'utf8');
  const document =
    what === 'sbom'
      ? completeSbom(await text(process.stdin), facts, dockerfile)
      : provenanceOf(facts, dockerfile, readFileSync('package-lock.json', 'utf8'));
  process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}
