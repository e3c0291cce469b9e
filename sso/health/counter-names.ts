/**
 * The names under which gossip, channel and final logout count, as metrics. What is not in the table is
 * shown all the same, under its own name as a label: a counter that somebody adds is never lost.
 */

export interface SortedCounts {
  readonly framesDropped: Readonly<Record<string, number>>;
  readonly others: Readonly<Record<string, number>>;
}

/** Counter of ours → metric and its HELP text. */
export const counterMetrics = {
  'values-repaired': ['latchkey_values_repaired_total', 'Values that a comparison with a peer has put right.'],
  'values-forgotten': ['latchkey_values_forgotten_total', 'Values that were over for long enough, and freed.'],
  comparisons: ['latchkey_comparisons_total', 'Comparisons with a peer that this node began.'],
  'comparisons-stalled': ['latchkey_comparisons_stalled_total', 'Comparisons whose peer did not go on.'],
  'batches-sent': ['latchkey_batches_sent_total', 'Batches of changes that were sent to all members.'],
  'batches-received': ['latchkey_batches_received_total', 'Batches of changes that came from members.'],
  questions: ['latchkey_questions_total', 'Questions to the members about what is unknown here.'],
  gaps: ['latchkey_gaps_total', 'Times that frames of a peer may have been missing.'],
  stalls: ['latchkey_stalls_total', 'Rounds that ran late, because the process was paused or busy.'],
  'members-lost': ['latchkey_members_lost_total', 'Members that this node has declared lost.'],
  'confirmations-late': ['latchkey_confirmations_late_total', 'Changes whose copies were not confirmed in time.'],
  'session-conflicts': [
    'latchkey_session_conflicts_total',
    'Fields of sessions that two nodes had changed before they heard of each other.',
  ],
  'deltas-sent': ['latchkey_deltas_sent_total', 'Changes that were sent in place of whole values.'],
  'deltas-received': ['latchkey_deltas_received_total', 'Changes that came in place of whole values.'],
  'deltas-asked': [
    'latchkey_deltas_asked_total',
    'Whole values that were asked for, since what a change builds on was missing.',
  ],
  'sessions-gravitated': [
    'latchkey_session_gravitations_total',
    'Sessions with buddies that another node had served, and this one took over.',
  ],
  'session-fetches': [
    'latchkey_session_fetches_total',
    'Requests for which the data of a session was looked for on other nodes.',
  ],
  'sessions-out-of-reach': [
    'latchkey_sessions_out_of_reach_total',
    'Data that was looked for, and that only nodes may have that cannot be asked: answered with 503.',
  ],
  'sessions-lost': [
    'latchkey_sessions_lost_total',
    'Data that was looked for, and that no node has: the session ended.',
  ],
  'sessions-offered': [
    'latchkey_session_offers_total',
    'Offers of data that is here and belongs elsewhere, each time that it is offered.',
  ],
  'sessions-shed': ['latchkey_sessions_shed_total', 'Sessions whose data was let go of here, since others have it.'],
  'sessions-handed-over': [
    'latchkey_sessions_handed_over_total',
    'Sessions whose data this node gave to others because it left.',
  ],
  'sessions-regained': [
    'latchkey_sessions_regained_total',
    'Sessions whose data the disk of this node had lost, and that others gave back.',
  ],
  'buddies-chosen-anew': [
    'latchkey_buddies_chosen_anew_total',
    'Sessions that got another buddy in the place of one that left.',
  ],
  'buddy-frames-sent': ['latchkey_buddy_frames_sent_total', 'Frames with data of sessions that were sent to buddies.'],
  'buddy-bytes-sent': ['latchkey_buddy_bytes_sent_total', 'What these frames held, bytes.'],
  'buddy-resent': ['latchkey_buddy_resent_total', 'Times that a buddy did not confirm in time, and was sent it again.'],
  'sessions-passivated': ['latchkey_session_passivations_total', 'Sessions that went from memory to the disk.'],
  'sessions-activated': ['latchkey_session_activations_total', 'Sessions that came back from the disk, to be used.'],
  'sessions-rejected': ['latchkey_sessions_rejected_total', 'New sessions that maxActiveSessions had no room for.'],
  'sessions-unreadable': [
    'latchkey_sessions_unreadable_total',
    'Passivated sessions that could not be read back, or were not believed: taken from another node, or ended.',
  ],
} as const satisfies Readonly<Record<string, readonly [metric: string, help: string]>>;

/** What is not in the table: frames that were dropped, by reason, and the rest. */
export function sortedCounts(counters: Readonly<Record<string, number>>): SortedCounts {
  const framesDropped: Record<string, number> = {};
  const others: Record<string, number> = {};
  for (const [name, count] of Object.entries(counters)) {
    if (Object.hasOwn(counterMetrics, name)) continue;
    const reason = dropReason(name);
    if (reason === undefined) others[name] = count;
    else framesDropped[reason] = count;
  }
  return { framesDropped, others };
}

/** Channels count a frame that is none as `frame`, gossip says more: `frame-shape`, `frame-version`. */
function dropReason(name: string): string | undefined {
  if (name === 'frame') return 'malformed';
  if (name === 'overflow') return 'overflow';
  return name.startsWith('frame-') ? name.slice('frame-'.length) : undefined;
}

/** Label values that one metric may have: what a peer or an error could ever vary must not fill a scraper's memory. */
const labelsAtMost = 64;

/** What may stand in a label: words of ours. Everything else, and whatever is too much, is counted together as `other`. */
export function asLabels(counts: Readonly<Record<string, number>>): ReadonlyMap<string, number> {
  const labels = new Map<string, number>();
  for (const [name, count] of Object.entries(counts)) {
    const isOurs = /^[a-z][a-z0-9-]{0,47}$/.test(name) && (labels.has(name) || labels.size < labelsAtMost);
    const label = isOurs ? name : 'other';
    labels.set(label, (labels.get(label) ?? 0) + count);
  }
  return labels;
}
