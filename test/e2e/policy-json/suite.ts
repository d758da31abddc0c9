import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentedDifferences } from '../differences.ts';
import { temporaryFolder } from '../folder.ts';
import { type RealRegistry, startDockerRegistry } from '../registries.ts';
import { type Bench, type Case, type Place, placeFor, type Question } from './case.ts';
import { type ExtensionRegistry, startExtensionRegistry } from './extension.ts';
import { addressOf, gpgHome, KEY_NAMES, type KeyName, makeKeys } from './gpg.ts';
import { askContainersImage, askCountersign, askSkopeo, type Opinion, type Written, write } from './judges.ts';
import { type Store, startStore } from './store.ts';

/** Who is asked beside countersign. */
export type Judge = 'skopeo' | 'current';

/** Has a judge and countersign decide every case that the judge can decide. */
export function judged(judge: Judge, groups: Readonly<Record<string, readonly Case[]>>): void {
  const folder = temporaryFolder();
  const documented = documentedDifferences();
  const gpg = gpgHome(folder, 'gpg');
  let registry: RealRegistry;
  let store: Store;
  let extension: ExtensionRegistry;
  let bench: Bench;

  beforeAll(async () => {
    await makeKeys(gpg);
    registry = await startDockerRegistry(folder);
    store = await startStore(folder.folder('store'));
    extension = await startExtensionRegistry(registry.host);
    const { host } = registry;
    const localhost = host.replace('127.0.0.1', 'localhost');
    bench = { folder, host, localhost, extension, store, gpg, keys: await exportKeys() };
  });
  afterAll(async () => {
    await extension.close();
    await store.close();
    await registry.stop();
    await gpg.stop();
    folder.remove();
  });

  async function exportKeys(): Promise<Bench['keys']> {
    const paths = {} as Record<KeyName, string>;
    for (const name of KEY_NAMES) {
      const bytes = await gpg.export(['--armor', '--export', addressOf(name)]);
      paths[name] = folder.write(`${name}.asc`, bytes);
    }
    return paths;
  }

  const places = new Map<string, Promise<Place>>();
  const placeOf = (name: string): Promise<Place> => {
    const place = places.get(name) ?? placeFor(bench, name);
    places.set(name, place);
    return place;
  };

  async function decide(name: string, one: Case): Promise<void> {
    const question = await one.arrange(await placeOf(one.shared ?? name));
    const files = write(bench, name, question);
    const [there, here] = await Promise.all([ask(name, files, question), askCountersign(files, question.image)]);
    const said = `${there.text}\n${here.text}`;
    expect({ there: there.verdict, here: here.verdict }, said).toEqual({ there: one[judge], here: one.here });
  }

  function ask(name: string, files: Written, { image }: Question): Promise<Opinion> {
    return judge === 'skopeo' ? askSkopeo(folder, name, files, image) : askContainersImage(folder, files, image);
  }

  for (const [group, cases] of Object.entries(groups)) {
    if (cases.every((one) => one[judge] === undefined)) continue;
    describe.concurrent(group, () => {
      for (const [index, one] of cases.entries()) {
        if (one[judge] !== undefined)
          it(titleOf(one, judge), () => decide(`${group.replaceAll(' ', '-')}-${index}`, one));
      }
    });
  }

  it('documents every difference', () => {
    const asked = Object.values(groups).flatMap((cases) => cases.filter((one) => one[judge] !== undefined));
    // Whoever disagrees about letting an image in must say where that stands.
    const unsaid = asked.filter((one) => lets(one.here) !== lets(one[judge]) && one.differs === undefined);
    expect(unsaid.map(({ title }) => title)).toEqual([]);
    expect(asked.flatMap(({ differs }) => differs ?? []).filter((row) => !documented.has(row))).toEqual([]);
  });
}

const lets = (verdict: Case['here'] | undefined): boolean => verdict === 'runs';

function titleOf(one: Case, judge: Judge): string {
  const there = one[judge];
  return there === one.here ? `${one.title}: ${there}` : `${one.title}: ${there} there, ${one.here} here`;
}
