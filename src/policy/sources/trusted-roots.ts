import { basename } from 'node:path';
import { printable } from '../../encoding/escape.ts';
import { leavesOf } from '../../model/leaves.ts';
import type { SigstoreRef, TrustRef } from '../../model/requirement.ts';
import type { RootInUse } from '../../trust/sigstore/root-status.ts';
import type { Snapshot } from './snapshot.ts';

/** The trusted roots that policies in force name: the shipped one, and files by their base names where these tell them apart. */
export function rootsInUse(snapshot: Snapshot): readonly RootInUse[] {
  const files = snapshot.flatMap((entry) => entry.files);
  const named = files
    .flatMap(({ policies }) => policies)
    .flatMap(({ policy: { state } }) => (state.kind === 'ready' ? leavesOf(state.require) : []))
    .flatMap(({ proof }): readonly SigstoreRef[] => (proof.kind === 'sigstore' ? [proof.root] : []));
  // A policy holds the very object that its file was read into.
  const documents = new Set(
    named.flatMap((root): readonly TrustRef[] => (root.kind === 'trustedRoot' ? [root.document] : [])),
  );
  const paths = new Set(
    files.flatMap(({ material }) => material.filter(({ ref }) => documents.has(ref)).map(({ place }) => place.path)),
  );
  const isShared = (path: string): boolean =>
    [...paths].some((other) => other !== path && basename(other) === basename(path));
  return [
    ...(named.some(({ kind }) => kind === 'publicGood') ? [SHIPPED] : []),
    ...[...paths].map((path): RootInUse => {
      const name = printable(isShared(path) ? path : basename(path), 400);
      return { kind: 'file', name, path };
    }),
  ];
}

const SHIPPED: RootInUse = { kind: 'shipped', name: 'public-good' };
