import { Gauge, type Registry } from 'prom-client';

/** Where trouble with a managed serving certificate is. */
export type CertificateProblem = 'secret' | 'webhooks' | 'cluster';

const PROBLEMS: readonly CertificateProblem[] = ['secret', 'webhooks', 'cluster'];

/** Registers whether there is trouble with a managed serving certificate, 1 or 0 for each place where it can be. */
export function registerCertificateProblems(
  registry: Registry,
  read: () => readonly { readonly kind: CertificateProblem }[],
): void {
  registry.registerMetric(
    new Gauge({
      name: 'countersign_certificate_problems',
      help: 'Whether there is trouble with the serving certificate that replicas keep in a Secret, by where it is.',
      labelNames: ['where'],
      registers: [],
      collect() {
        const now = new Set(read().map(({ kind }) => kind));
        for (const where of PROBLEMS) this.set({ where }, now.has(where) ? 1 : 0);
      },
    }),
  );
}
