import {
  agreed,
  butHere,
  type Case,
  docker,
  message,
  type Place,
  payload,
  type Question,
  signaturePath,
  signedBy,
  type Verdict,
} from './case.ts';

type Asked = {
  /** Signed under this name. */
  readonly signed: string;
  /** What is asked for, logically. */
  readonly image: string;
  /** Scope of the requirement. */
  readonly scope: string;
  readonly identity?: object;
  readonly conf: string;
  readonly registriesD?: Question['registriesD'];
};

/** A registry that is somewhere else than its name says. */
function mirrored(title: string, verdict: Verdict, asked: (place: Place) => Asked): Case {
  return agreed(title, verdict, async (place) => {
    const { signed, image, scope, identity, conf, registriesD } = asked(place);
    place.store.put(signaturePath(place, 1), await message(place, payload(place, signed), 'two'));
    return {
      image,
      policy: docker({ [scope]: [signedBy(place.keys.two, identity)] }),
      registriesConf: conf,
      ...(registriesD && { registriesD }),
    };
  });
}

const located = (prefix: string, location: string, more = ''): string =>
  `[[registry]]\nprefix = "${prefix}"\nlocation = "${location}"\ninsecure = true\n${more}`;
const mirror = (location: string, more = ''): string =>
  `[[registry.mirror]]\nlocation = "${location}"\ninsecure = true\n${more}`;

const VENDOR = 'vendor.example';

/** `vendor.example/prod` is found in `acme` of the registry on loopback. */
const moved = ({ host }: Place): string => located(`${VENDOR}/prod`, `${host}/acme`);
const logical = ({ name }: Place, suffix = ':1'): string => `${VENDOR}/prod/${name}${suffix}`;
const store = (place: Place, scope: string): Question['registriesD'] => ({
  'a.yaml': {
    docker: { [scope]: { lookaside: place.store.base('plain') } },
    'default-docker': { lookaside: `${place.store.base('plain')}/none` },
  },
});

const NAMES: readonly Case[] = [
  mirrored('signed and asked for by the logical name', 'runs', (place) => ({
    signed: logical(place),
    image: logical(place),
    scope: VENDOR,
    conf: moved(place),
  })),
  mirrored('signed by the physical name', 'refused', (place) => ({
    signed: `${place.repository}:1`,
    image: logical(place),
    scope: VENDOR,
    conf: moved(place),
  })),
  mirrored('the physical name is in no scope', 'refused', (place) => ({
    signed: logical(place),
    image: logical(place),
    scope: place.host,
    conf: moved(place),
  })),
  mirrored('the logical name by digest', 'runs', (place) => ({
    signed: logical(place),
    image: logical(place, `@${place.image.digest}`),
    scope: `${VENDOR}/prod`,
    conf: moved(place),
  })),
  mirrored('the store by the physical name', 'runs', (place) => ({
    signed: logical(place),
    image: logical(place),
    scope: VENDOR,
    conf: moved(place),
    registriesD: store(place, place.host),
  })),
  mirrored('the store by the logical name', 'refused', (place) => ({
    signed: logical(place),
    image: logical(place),
    scope: VENDOR,
    conf: moved(place),
    registriesD: store(place, VENDOR),
  })),
  mirrored('a longer prefix wins', 'runs', (place) => ({
    signed: logical(place),
    image: logical(place),
    scope: VENDOR,
    conf: located(VENDOR, `${place.host}/nothing`) + moved(place),
  })),
  mirrored('a prefix by wildcard', 'runs', (place) => ({
    signed: `registry.${VENDOR}/acme/${place.name}:1`,
    image: `registry.${VENDOR}/acme/${place.name}:1`,
    scope: `*.${VENDOR}`,
    conf: `[[registry]]\nprefix = "*.${VENDOR}"\nlocation = "${place.host}"\ninsecure = true\n`,
  })),
  mirrored('blocked', 'refused', (place) => ({
    signed: `${place.repository}:1`,
    image: `${place.repository}:1`,
    scope: place.host,
    conf: located(place.host, place.host, 'blocked = true\n'),
  })),
  butHere(
    'refused',
    'a blocked registry with another location in `registries.conf`',
    mirrored('blocked, and found under another name', 'runs', (place) => ({
      signed: logical(place),
      image: logical(place),
      scope: VENDOR,
      conf: located(`${VENDOR}/prod`, `${place.host}/acme`, 'blocked = true\n'),
    })),
  ),
];

/** Looked up by scopes of hosts that have no port, and of names with several labels. */
function lookedUp(title: string, verdict: Verdict, name: (place: Place) => string, scope: string): Case {
  return mirrored(title, verdict, (place) => ({
    signed: `${name(place)}:1`,
    image: `${name(place)}:1`,
    scope,
    conf: located(name(place), place.repository),
  }));
}

const DEEP = () => 'yet.another.example.com/ns/app';
const PORT = () => 'yet.another.example.com:8443/ns/app';

const LOOKUPS: readonly Case[] = [
  lookedUp('the host', 'runs', DEEP, 'yet.another.example.com'),
  lookedUp('the longest wildcard', 'runs', DEEP, '*.another.example.com'),
  lookedUp('a shorter wildcard', 'runs', DEEP, '*.example.com'),
  lookedUp('the shortest wildcard', 'runs', DEEP, '*.com'),
  lookedUp('a wildcard of the host itself', 'refused', DEEP, '*.yet.another.example.com'),
  lookedUp('a parent domain without a star', 'refused', DEEP, 'example.com'),
  lookedUp('a namespace behind a port', 'runs', PORT, 'yet.another.example.com:8443/ns'),
  lookedUp('a host with its port', 'runs', PORT, 'yet.another.example.com:8443'),
  lookedUp('a host without its port', 'refused', PORT, 'yet.another.example.com'),
  lookedUp('a wildcard of a host with a port', 'runs', PORT, '*.another.example.com'),
  lookedUp('the Hub in full', 'runs', () => 'docker.io/library/busybox', 'docker.io/library/busybox'),
  lookedUp('the Hub in short does not name it', 'refused', () => 'docker.io/library/busybox', 'busybox'),
  lookedUp('localhost', 'runs', () => 'localhost/app', 'localhost'),
];

/** Mirrors before the source: `nobody.example` does not answer. */
const MIRRORS: readonly Case[] = [
  mirrored('a mirror in place of a source that is away', 'runs', (place) => ({
    signed: logical(place),
    image: logical(place),
    scope: VENDOR,
    conf: located(`${VENDOR}/prod`, '127.0.0.1:1/prod', mirror(`${place.host}/acme`)),
    registriesD: store(place, place.host),
  })),
  mirrored('a mirror that has nothing, before the source', 'runs', (place) => ({
    signed: logical(place),
    image: logical(place),
    scope: VENDOR,
    conf: located(`${VENDOR}/prod`, `${place.host}/acme`, mirror(`${place.localhost}/nothing`)),
    registriesD: store(place, place.host),
  })),
  mirrored('the store of the mirror that answers', 'runs', (place) => ({
    signed: logical(place),
    image: logical(place),
    scope: VENDOR,
    conf: located(`${VENDOR}/prod`, `${place.host}/acme`, mirror(`${place.localhost}/acme`)),
    registriesD: store(place, place.localhost),
  })),
  butHere(
    'runs',
    'where the signatures of an image that a mirror serves are looked for',
    mirrored('the store of the source does not help against that of the mirror', 'refused', (place) => ({
      signed: logical(place),
      image: logical(place),
      scope: VENDOR,
      conf: located(`${VENDOR}/prod`, `${place.host}/acme`, mirror(`${place.localhost}/acme`)),
      registriesD: store(place, place.host),
    })),
  ),
  mirrored('a mirror for digests, asked by tag', 'runs', (place) => ({
    signed: logical(place),
    image: logical(place),
    scope: VENDOR,
    conf: located(
      `${VENDOR}/prod`,
      `${place.host}/acme`,
      mirror(`${place.localhost}/acme`, 'pull-from-mirror = "digest-only"\n'),
    ),
    registriesD: store(place, place.host),
  })),
  mirrored('a mirror for digests, asked by digest', 'runs', (place) => ({
    signed: logical(place),
    image: logical(place, `@${place.image.digest}`),
    scope: VENDOR,
    conf: located(
      `${VENDOR}/prod`,
      `${place.host}/acme`,
      mirror(`${place.localhost}/acme`, 'pull-from-mirror = "digest-only"\n'),
    ),
    registriesD: store(place, place.localhost),
  })),
  mirrored('a mirror for tags, asked by digest', 'runs', (place) => ({
    signed: logical(place),
    image: logical(place, `@${place.image.digest}`),
    scope: VENDOR,
    conf: located(
      `${VENDOR}/prod`,
      `${place.host}/acme`,
      mirror(`${place.localhost}/acme`, 'pull-from-mirror = "tag-only"\n'),
    ),
    registriesD: store(place, place.host),
  })),
  mirrored('mirrors by digest only, asked by tag', 'runs', (place) => ({
    signed: logical(place),
    image: logical(place),
    scope: VENDOR,
    conf: located(
      `${VENDOR}/prod`,
      `${place.host}/acme`,
      `mirror-by-digest-only = true\n${mirror(`${place.localhost}/acme`)}`,
    ),
    registriesD: store(place, place.host),
  })),
  mirrored('a blocked source with a mirror', 'runs', (place) => ({
    signed: logical(place),
    image: logical(place),
    scope: VENDOR,
    conf: located(`${VENDOR}/prod`, '127.0.0.1:1/prod', `blocked = true\n${mirror(`${place.host}/acme`)}`),
  })),
];

/** Copies that are asked for by their own name, and were signed under the vendor's (openshift-containers.md §5.2 55). */
function copied(
  title: string,
  verdict: Verdict,
  identity: ((place: Place) => object) | undefined,
  by: 'tag' | 'digest' = 'tag',
): Case {
  return mirrored(title, verdict, (place) => ({
    signed: logical(place),
    image: by === 'tag' ? `${place.repository}:1` : `${place.repository}@${place.image.digest}`,
    scope: place.host,
    ...(identity && { identity: identity(place) }),
    conf: '',
  }));
}

const remap = (prefix: (place: Place) => string, signedPrefix: string) => (place: Place) => ({
  type: 'remapIdentity',
  prefix: prefix(place),
  signedPrefix,
});

const COPIES: readonly Case[] = [
  copied('a copy, no rule [peers 19]', 'refused', undefined),
  copied(
    'a copy, remapped [peers 19]',
    'runs',
    remap(({ host }) => `${host}/acme`, `${VENDOR}/prod`),
  ),
  copied(
    'a copy, remapped, by digest',
    'runs',
    remap(({ host }) => `${host}/acme`, `${VENDOR}/prod`),
    'digest',
  ),
  copied('a copy, the exact repository', 'runs', (place) => ({
    type: 'exactRepository',
    dockerRepository: logical(place, ''),
  })),
  copied('a copy, the exact reference', 'runs', (place) => ({
    type: 'exactReference',
    dockerReference: logical(place),
  })),
  copied('a copy, another exact reference', 'refused', (place) => ({
    type: 'exactReference',
    dockerReference: logical(place, ':2'),
  })),
  copied(
    'a copy, remapped by half a component',
    'refused',
    remap(({ host }) => `${host}/acm`, `${VENDOR}/prod`),
  ),
];

/** Logical and physical names (openshift-containers.md §2.2, §3.4). */
export const MIRROR_CASES: readonly Case[] = [...NAMES, ...LOOKUPS, ...MIRRORS, ...COPIES];
