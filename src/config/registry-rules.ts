/**
 * How repositories under one name are reached, whoever says it: our configuration, `registries.conf`, or OpenShift's
 * mirror sets. Of several rules the one with the longest prefix holds, alone.
 * @see reference/openshift-containers.md §2.4, §3.4
 */
export type RegistryRule = {
  /** Canonical: `host[:port][/path]`, or `*.domain`. */
  readonly prefix: string;
  /** What stands in the prefix's place at the source itself; the same as the prefix where nothing does. */
  readonly location: string;
  /** Speak plain HTTP to the source, unless our configuration says of its host how it is reached. */
  readonly insecure: boolean;
  /** The source is never contacted; what its mirrors do not have cannot be had. */
  readonly blocked: boolean;
  /** Asked before the source, in order. */
  readonly mirrors: readonly MirrorPlace[];
};

/** A place that holds copies. */
export type MirrorPlace = {
  /** What stands in the prefix's place there: `host[:port][/path]`. */
  readonly location: string;
  readonly insecure: boolean;
  /** Whether it is asked what tags mean, what digests name, or both. */
  readonly serves: 'everything' | 'digests' | 'tags';
};
