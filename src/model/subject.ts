import type { LayoutReference } from '../image/layout-reference.ts';
import type { ImageReference } from '../image/reference.ts';
import type { Known } from './known.ts';

/** An image as somebody asked for it, before anything was fetched. */
export type AskedImage = {
  readonly kind: 'image';
  /** As written in the object; shown to people after escaping. */
  readonly written: string;
  readonly reference: ImageReference;
  readonly transport: 'docker';
};

/** An image in a folder, asked for by its path: it has no name that a signature could be compared with. */
export type AskedLayout = {
  readonly kind: 'layout';
  /** As written; shown to people after escaping. */
  readonly written: string;
  /** Its path is absolute and without symbolic links, as skopeo looks for it in a policy. */
  readonly layout: LayoutReference;
};

/** An object that carries its own signature, such as a TaskRun (MODEL.md M14). */
export type AskedObject = {
  readonly kind: 'object';
  readonly group: string;
  readonly version: string;
  readonly objectKind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly uid: string;
  readonly body: Readonly<Record<string, unknown>>;
};

/** What is decided on. */
export type Asked = AskedImage | AskedLayout | AskedObject;

/** The name that signed names are compared with; `none` where an image was asked for without one. */
export type AskedName = ImageReference | 'none';

/** Who asks. Nothing on the admitted object is believed (MODEL.md M14). */
export type Asker = {
  readonly namespace: Known<string>;
  readonly namespaceLabels: Known<Readonly<Record<string, string>>>;
  readonly resource: Known<{ readonly group: string; readonly version: string; readonly resource: string }>;
  readonly labels: Known<Readonly<Record<string, string>>>;
  readonly object: Known<Readonly<Record<string, unknown>>>;
  readonly operation: Known<'CREATE' | 'UPDATE' | 'CONNECT'>;
};
