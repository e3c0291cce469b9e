/** Who signs on at the site that login-site-worker.ts runs, and what that site tells about itself. */

/** Whoever can sign on: `user0`, `user1`, …, all with this password. */
export const password = 'correct horse battery staple';
export const people = 5_000;

export interface LoginSite {
  readonly port: number;
  /** What a form needs that is posted. */
  readonly csrf: string;
  readonly visitor: string;
}
