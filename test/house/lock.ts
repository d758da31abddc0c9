/** A package of the lockfile, as far as it is looked at here. */
type Locked = {
  readonly version: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

/** A package-lock.json. */
export type Lockfile = { readonly packages: Readonly<Record<string, Locked>> };

const PLATFORM =
  /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|x64|ia32|ppc64|riscv64|s390x)(?:-(gnu|musl)|-\w+)?$/;

/** Names of platform packages that some package asks for and the lockfile has not. */
export function missingPlatforms(lock: Lockfile): readonly string[] {
  return asked(lock).map(({ name }) => name);
}

/** Packages that `npm ci --omit=dev` puts on Linux on x64 with glibc. */
export function packagesInUse(lock: Lockfile): readonly string[] {
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .filter(([, { os = [], cpu = [], libc = [] }]) => fits(os, 'linux') && fits(cpu, 'x64') && fits(libc, 'glibc'))
    .map(([path]) => path);
}

const fits = (allowed: readonly string[], one: string): boolean => allowed.length === 0 || allowed.includes(one);

/**
 * Names of packages without a hash that could be installed on Linux on x64 or arm64 with glibc, where everything that is
 * built and released comes from.
 */
export function unhashed(lock: Lockfile): readonly string[] {
  return Object.entries(lock.packages)
    .filter(([path, { integrity }]) => path !== '' && integrity === undefined)
    .filter(([, locked]) => locked.optional !== true || runsOnGlibc(locked))
    .map(([path]) => path);
}

/**
 * Adds an entry for each missing platform package. A registry need not carry the packages of all platforms, npm leaves
 * out of the lockfile what it cannot get, and `npm ci` refuses a lockfile that has not all of them. Such an entry has
 * no hash: on those platforms npm takes what the registry gives.
 */
export function withPlatforms(lock: Lockfile): Lockfile {
  const added = asked(lock).map(({ name, version, by }): [string, Locked] => {
    const [, os = '', cpu = '', libc] = PLATFORM.exec(name) ?? [];
    const entry = {
      version,
      cpu: [cpu],
      ...(by.dev && { dev: true }),
      ...(libc !== undefined && { libc: [libc === 'gnu' ? 'glibc' : libc] }),
      ...(by.license !== undefined && { license: by.license }),
      optional: true,
      os: [os],
    };
    return [`node_modules/${name}`, entry];
  });
  const packages = [...Object.entries(lock.packages), ...added].toSorted(([a], [b]) => a.localeCompare(b, 'en'));
  return { ...lock, packages: Object.fromEntries(packages) };
}

function asked({ packages }: Lockfile) {
  const names = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)));
  return Object.values(packages).flatMap((by) =>
    Object.entries(by.optionalDependencies ?? {})
      .filter(([name]) => !names.has(name) && PLATFORM.test(name))
      .map(([name, version]) => ({ name, version, by })),
  );
}

function runsOnGlibc({ os, cpu, libc }: Locked): boolean {
  const fits = (allowed: readonly string[] | undefined, ...ours: readonly string[]) =>
    allowed === undefined || allowed.some((one) => ours.includes(one));
  return fits(os, 'linux') && fits(cpu, 'x64', 'arm64') && fits(libc, 'glibc');
}
