/** Who the caller is, and where fresh tokens come from. */

/** What became of asking for a fresh token. */
export type Renewal = "fresh" | "refused" | "unreachable";

const STORED = "notify.token";

export interface Identity {
  user: string;
  tenant: string;
}

/** What a token says about its owner; only for display, the service decides what it is worth. */
export function identityOf(token: string): Identity {
  if (token.startsWith("dev:")) {
    const [, user = "", tenant = ""] = token.split(":");
    return { user, tenant };
  }
  try {
    const bytes = Uint8Array.from(atob((token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/")), (c) =>
      c.charCodeAt(0),
    );
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    return { user: String(claims["sub"] ?? ""), tenant: String(claims["tenant"] ?? claims["tenant_id"] ?? "") };
  } catch {
    return { user: "", tenant: "" };
  }
}

/** A user name becomes a token of dev mode; a JWT stays what it is. */
export function tokenFrom(input: string): string {
  return /^eyJ[\w-]*\.[\w-]+\.[\w-]+$/.test(input) ? input : `dev:${input}:demo`;
}

/**
 * The token in use, kept for this tab. With a token URL (your login's) fresh ones are fetched there, by the cookie of
 * this browser; without, only the user can give one.
 */
export class Credentials {
  readonly #url: string | undefined;
  #token: string;
  #renewing: Promise<Renewal> | undefined;

  constructor(url: string | undefined) {
    this.#url = url;
    this.#token = sessionStorage.getItem(STORED) ?? "";
  }

  get token(): string {
    return this.#token;
  }

  get identity(): Identity {
    return identityOf(this.#token);
  }

  use(token: string): void {
    this.#token = token;
    sessionStorage.setItem(STORED, token);
  }

  /** Ask for a fresh token; calls at the same time are one request. "refused" means that only the user can sign in. */
  async renew(): Promise<Renewal> {
    this.#renewing ??= this.#fetch().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  async #fetch(): Promise<Renewal> {
    if (this.#url === undefined) return "refused";
    try {
      const response = await fetch(this.#url, { method: "POST", credentials: "include" });
      if (response.status === 401 || response.status === 403) return "refused";
      if (!response.ok) return "unreachable";
      this.use((await response.text()).trim());
      return "fresh";
    } catch {
      return "unreachable";
    }
  }
}
