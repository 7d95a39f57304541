/**
 * Infrared remote controls. Signatures: drivers/media/rc/bpf-lirc.c.
 */
import type { HelperRow } from './helper.ts';

export const LIRC_HELPERS = [
  { id: 77, name: 'rc_repeat', args: ['ctx'], ret: 'integer', gplOnly: true, since: '4.18', progTypes: ['lirc_mode2'] },
  {
    id: 78,
    name: 'rc_keydown',
    args: ['ctx', 'anything', 'anything', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '4.18',
    progTypes: ['lirc_mode2'],
  },
  {
    id: 92,
    name: 'rc_pointer_rel',
    args: ['ctx', 'anything', 'anything'],
    ret: 'integer',
    gplOnly: true,
    since: '5.0',
    progTypes: ['lirc_mode2'],
  },
] as const satisfies readonly HelperRow[];
