import type { Dispatcher } from "undici";
import { type Environment, type HttpProxy, proxyFor } from "./proxy.ts";

/** How a request gets to its server. */
export interface Route {
  readonly dispatcher: Dispatcher;
  /** Null where it goes there directly. */
  readonly proxy: HttpProxy | null;
}

export interface PoolOptions {
  /** For a connection to the server, or to the proxy. */
  readonly connectMs: number;
  /** The most connections to one server; unbounded unless given. */
  readonly connections?: number;
  /** 0 makes a connection for each request. */
  readonly pipelining?: number;
  /** Where the proxies are named. */
  readonly environment: Environment;
}

/** Connections that are kept between requests, to servers and to the proxies that lead there. */
export interface Pool {
  to(url: Pick<URL, "origin">): Route;
  destroy(): Promise<void>;
}

/** Opens no connection by itself. Loads undici here, since many runs make no request. */
export async function openPool({ connectMs, environment, ...options }: PoolOptions): Promise<Pool> {
  const { Agent, Pool: ProxyPool, ProxyAgent } = await import("undici");
  let direct: Dispatcher | null = null;
  const proxies = new Map<string, Dispatcher>();
  const routes = new Map<string, Route>();

  function dispatcherFor(proxy: HttpProxy | null): Dispatcher {
    if (proxy === null) {
      direct ??= new Agent({ ...options, connect: { timeout: connectMs } });
      return direct;
    }
    const { href } = proxy.url;
    const kept = proxies.get(href);
    if (kept !== undefined) return kept;
    const agent = new ProxyAgent({
      ...options,
      uri: href,
      connectTimeout: connectMs,
      clientFactory: (origin, more) => new ProxyPool(origin, { ...more, headersTimeout: connectMs }),
    });
    proxies.set(href, agent);
    return agent;
  }

  return {
    to({ origin }) {
      const known = routes.get(origin);
      if (known !== undefined) return known;
      const proxy = proxyFor(new URL(origin), environment);
      const route = { proxy, dispatcher: dispatcherFor(proxy) };
      routes.set(origin, route);
      return route;
    },
    async destroy() {
      await Promise.all([direct, ...proxies.values()].map((dispatcher) => dispatcher?.destroy()));
    },
  };
}
