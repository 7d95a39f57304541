/** The guest's kernel (6.1) is asked about the cases of its release, and about generated programs; so is its view of a user without privileges. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guestProblem } from '../guest/machine.ts';
import { type GuestOracle, startGuestOracle } from '../guest/oracle.ts';
import { allCases } from './cases.ts';
import { asCase, fuzz, guestJudge, shrink } from './fuzz.ts';

const why = process.env['SKEP_SLOW'] === '1' ? guestProblem() : 'SKEP_SLOW is not 1';

const users = [{ user: 'root' }, { user: 'a user without privileges' }];

describe.skipIf(why !== undefined).each(users)(
  `verifier against the guest's kernel, $user${why ? `: ${why}` : ''}`,
  ({ user }) => {
    let guest: GuestOracle;
    const privileged = user === 'root';
    beforeAll(async () => {
      guest = await startGuestOracle({ unprivileged: !privileged });
    }, 200_000);
    afterAll(() => guest?.close());

    it('gives the verdicts and last lines of the cases of its release', async () => {
      const asked = allCases().filter(
        (c) => c.kernel === guest.kernel && c.privileged === privileged && c.target === undefined,
      );
      const answers = await guest.ask(asked);
      const says = answers.map((a, i) => `${asked[i]!.name}: ${a.ok ? 'ok' : a.last}`);
      expect(asked.length).toBeGreaterThan(10);
      expect(says).toEqual(asked.map((c) => `${c.name}: ${c.says}`));
    });

    it('refuses what we refuse of 500 near-valid programs', async () => {
      const accepts: string[] = [];
      const judge = guestJudge(guest, privileged);
      const t = await fuzz(
        500,
        20240601,
        async (s, _kernel, us) => {
          if (us !== 'ok') return;
          const { small, says } = await shrink(s, judge);
          accepts.push(asCase(small, says, 'accepted by us'));
        },
        undefined,
        judge,
      );
      expect(accepts).toEqual([]);
      // Users without privileges may do little.
      expect(t.accepted).toBeGreaterThan(privileged ? 50 : 15);
      expect(t.refused).toBeGreaterThan(50);
      expect(t.falseRejects).toBeLessThan(5);
    }, 300_000);
  },
);
