import { asArray, asObject, type JsonObject, type JsonValue, stringAt } from '../encoding/strict-json.ts';
import type { Resource } from './resource.ts';
import type { Hook, Pointing } from './serving-roll-over.ts';
import { idOf, isCallerSegment, readCertificate } from './serving-state.ts';

/** The resource of the configurations that countersign writes caBundle and path into, and makes none of. */
export const WEBHOOK_CONFIGURATIONS: Resource = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingwebhookconfigurations',
};

/** The path of each webhook without its caller segment, by the webhook's name; `/validate` where it is left out. */
export type HookPaths = ReadonlyMap<string, string>;

const DEFAULT_PATH = '/validate';
const MAX_BUNDLE_CHARACTERS = 262_144;
const MAX_BUNDLE_CERTIFICATES = 100;
const BEGIN = '-----BEGIN CERTIFICATE-----';

/** What every webhook of a configuration says now. */
export function readHooks(configuration: JsonObject, paths: HookPaths): readonly Hook[] {
  return webhooksOf(configuration).map((webhook) => {
    const clientConfig = asObject(webhook['clientConfig']) ?? {};
    const path = pathOf(clientConfig);
    const segment = path?.slice(path.lastIndexOf('/') + 1) ?? '';
    const isRight = isCallerSegment(segment) && path === calledPath(webhook, path, segment, paths);
    const bundle = readBundle(stringAt(clientConfig, 'caBundle') ?? '');
    return {
      trusts: bundle.certificates.map(({ id }) => id),
      garbled: bundle.garbled,
      caller: isRight ? segment : undefined,
      takesCaller: calledPath(webhook, path, 'caller', paths) !== undefined,
    };
  });
}

/**
 * The configuration with caBundle and path as they should be, and everything else as it is.
 *
 * It is written back as a whole with the resourceVersion that was read, so that a change in between is a conflict and
 * nothing of somebody else's is lost. Not by server-side apply: with that countersign would own an entry of `webhooks` by
 * its name, and Helm could never again drop one: what it leaves of the entry the API server refuses as incomplete.
 */
export function pointedHooks(configuration: JsonObject, { wanted, others }: Pointing, paths: HookPaths): JsonObject {
  const ours = new Set(wanted.authorities.map(({ id }) => id));
  const webhooks = (asArray(configuration['webhooks']) ?? []).map((entry): JsonValue => {
    const webhook = asObject(entry);
    if (webhook === undefined) return entry;
    const clientConfig = asObject(webhook['clientConfig']) ?? {};
    const path = calledPath(webhook, pathOf(clientConfig), wanted.caller, paths);
    const withPath = path === undefined ? clientConfig : withPathOf(clientConfig, path);
    const present = others === 'stay' ? readBundle(stringAt(clientConfig, 'caBundle') ?? '').certificates : [];
    const bundle = [
      ...wanted.authorities.map(({ certificatePem }) => certificatePem),
      ...present.filter(({ id }) => !ours.has(id)).map(({ pem }) => pem),
    ].join('');
    const caBundle = Buffer.from(bundle).toString('base64');
    return { ...webhook, clientConfig: { ...withPath, caBundle } };
  });
  return { ...configuration, webhooks };
}

function webhooksOf(configuration: JsonObject): readonly JsonObject[] {
  return (asArray(configuration['webhooks']) ?? []).map(asObject).filter((webhook) => webhook !== undefined);
}

/**
 * The path that a webhook should call: what is configured for its name, else what it has without its segment, and then
 * the segment. Undefined where it calls something else than countersign's reviews: that is not ours to change.
 */
function calledPath(
  webhook: JsonObject,
  present: string | undefined,
  segment: string,
  paths: HookPaths,
): string | undefined {
  const base = paths.get(stringAt(webhook, 'name') ?? '') ?? withoutSegment(present ?? '');
  const usable = base === '' ? DEFAULT_PATH : base;
  if (usable !== DEFAULT_PATH && !usable.startsWith(`${DEFAULT_PATH}/`)) return undefined;
  return `${usable}/${segment}`;
}

function withoutSegment(path: string): string {
  const at = path.lastIndexOf('/');
  const whole = isCallerSegment(path.slice(at + 1)) ? path.slice(0, at) : path;
  return whole.endsWith('/') ? whole.slice(0, -1) : whole;
}

/** The path that stands in a webhook: beside its service, or in its URL. The API server allows no query in either. */
function pathOf(clientConfig: JsonObject): string | undefined {
  const service = asObject(clientConfig['service']);
  if (service !== undefined) return stringAt(service, 'path');
  const url = stringAt(clientConfig, 'url');
  return url !== undefined && URL.canParse(url) ? new URL(url).pathname : undefined;
}

function withPathOf(clientConfig: JsonObject, path: string): JsonObject {
  const service = asObject(clientConfig['service']);
  if (service !== undefined) return { ...clientConfig, service: { ...service, path } };
  const text = stringAt(clientConfig, 'url');
  if (text === undefined || !URL.canParse(text)) return clientConfig;
  const url = new URL(text);
  url.pathname = path;
  return { ...clientConfig, url: url.href };
}

/** The certificates of a caBundle, and whether there is more in it than certificates. */
function readBundle(caBundle: string) {
  const text = caBundle.length > MAX_BUNDLE_CHARACTERS ? 'too long' : Buffer.from(caBundle, 'base64').toString('utf8');
  const [before = '', ...blocks] = text.split(BEGIN);
  const certificates = blocks.slice(0, MAX_BUNDLE_CERTIFICATES).flatMap((block) => {
    const pem = `${BEGIN}${block.trimEnd()}\n`;
    const certificate = readCertificate(pem);
    return certificate === undefined ? [] : [{ id: idOf(certificate), pem }];
  });
  return { certificates, garbled: before.trim() !== '' || certificates.length < blocks.length };
}
