/**
 * Regular expressions whose time can grow faster than the text, by file, with the reason why that does no harm.
 * One that sees texts of any length from a source, a client or a record does not belong here: fix it.
 */
export const trusted: Readonly<Record<string, readonly (readonly [source: string, why: string])[]>> = {
  "src/http/failure-text.ts": [
    [
      "\\b(?:no|0|zero|without)\\s+(?:more\\b|further\\b|(?:\\S+\\s+){0,2}(?:errors?|fail\\w*|exceptions?|found|match\\w*|results?|records?|data|items?|rows?|entr(?:y|ies)|pages?|changes?|updates?)\\b)|\\bnothing\\b|\\bend of\\b|\\breached the (?:end|last)\\b|\\bup to date\\b|\\bunchanged\\b|\\bnot modified\\b|\\bempty\\b|^(?:(?:data|records?|results?)\\s+)?not found$|^idle$|\\bzero results\\b",
      "too large to be checked; the text is cut to 4,096 characters",
    ],
  ],
  "src/secrets.ts": [
    [
      "([a-z][a-z0-9+.-]{0,30}:\\/\\/[^\\s:/@]{0,256}:)(?!\\d{1,5}[/?#])([^\\s@]{1,1024}(?:@[^\\s@/?#]{1,256}){0,8})(@)",
      "each part is of limited length",
    ],
  ],
  "src/cli/format.ts": [["\\B(?=(\\d{3})+$)", "a number of our own"]],
  "src/cli/table.ts": [["\\s*\\n\\s*", "a cell; errors are kept with 10,000 characters"]],
  "src/cli/init/answer-problems.ts": [["^[a-z]+:\\/\\/[^/@]*:[^/@]*@", "typed by the user"]],
  "src/engine/user-code/stack-frames.ts": [
    ["^\\s+at (?:.*?\\()?(file:\\/\\/[^\\s)]+|\\/[^\\s)]+):(\\d+):(\\d+)\\)?$", "a line of a stack"],
    ["[?#].*$", "the path of a file"],
  ],
  "src/filters/condition/exact-expression.ts": [
    ["\\d+(?:\\.\\d+)?(?:[eE][-+]?\\d+)?$", "the user's own expression"],
  ],
  "src/http/failures.ts": [
    ["([\\w.-]+)([\"']?\\s*[=:]\\s*[\"']?)([^\\s\"'&,;]+)", "the text is cut to 2,048 characters"],
  ],
  "src/http/proxy.ts": [["^(?:\\[([^\\]]+)\\]|([^:]+)|(.*:.*:.*?))(?::(\\d+))?$", "an entry of NO_PROXY"]],
  "src/http/waits.ts": [
    [
      "^(?:x-)?(?:[a-z]+-)?rate-?limit(?:-[a-z]+)*-reset(?:-[a-z]+)*$",
      "a header's name: all headers have 16 KB",
    ],
    [
      "^(?:x-)?(?:[a-z]+-)?rate-?limit(?:-[a-z]+)*-remaining(?:-[a-z]+)*$",
      "a header's name: all headers have 16 KB",
    ],
    ["(\\d+(?:\\.\\d+)?)\\s*([a-z]+)", "a header that was found to be a length of time"],
  ],
  "src/databases/syntax.ts": [["(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?", "the user's own query"]],
  "src/inputs/http/refused-page.ts": [
    [
      "\\b(?:page|cursor|token|offset|scroll|continuation|search|snapshot|next)\\w*\\b.{0,40}\\b(?:expired|invalid|unknown|not found|gone|no longer|does not exist|not exist|stale|bad)\\b|\\b(?:expired|invalid|unknown|stale|bad|no such)\\b.{0,24}(?:page|cursor|token|offset|scroll|continuation|snapshot)|(?:expired|invalid|stale)(?:next|page)*(?:cursor|token|continuation)",
      "too large to be checked; an error's message, which quotes 200 characters",
    ],
  ],
  "src/model/web-address.ts": [["#.*@", "an address of the configuration"]],
  "src/databases/mysql/record-faults.ts": [
    [
      "(?:for column|Column|Field) (?:`[^`]*`\\.`[^`]*`\\.)?['`]([^'`]+)['`]",
      "too large to be checked; a message of the server, which has 512 bytes",
    ],
    ["FOREIGN KEY \\(`([^)]+)`\\)", "a message of the server, which has 512 bytes"],
  ],
  "src/databases/postgres/record-faults.ts": [
    ["Key \\(([^=]*)\\)=\\(", "a key of an index has 8 KB at most"],
  ],
  "src/databases/postgres/moments.ts": [["^([+-]?)(\\d+)(.*)Z$", "a time in the form that we write"]],
  "src/databases/table/value-checks.ts": [
    [
      "^(.+?)(?:\\((\\d+)(?:,(-?\\d+))?\\))?((?: unsigned| zerofill| with(?:out)? time zone)*)$",
      "the declared type of a column",
    ],
  ],
  "src/outputs/http-request/answer/missing.ts": [
    ["\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'", "the user's own expression"],
  ],
  "src/pipeline/diagnostics.ts": [["\\s*\\n\\s*", "a message about the user's own file"]],
  "src/pipeline/secret-file.ts": [["\\$\\{file:([^}]+)\\}", "a value of the user's own file"]],
  "src/pipeline/sensitive.ts": [["([\\w.-]+)\\s*=\\s*([^&\\s'\"]+)", "a variable of the environment"]],
  "src/databases/mysql/literals.ts": [
    [
      "'(?:[^'\\\\]|\\\\[\\s\\S]|'')*'|\"(?:[^\"\\\\]|\\\\[\\s\\S]|\"\")*\"|`(?:[^`]|``)*`|--(?=\\s|$)[^\\n]*|#[^\\n]*|\\/\\*[\\s\\S]*?\\*\\/|\\?(\\d+)",
      "the user's own query, or one of ours",
    ],
  ],
  "src/databases/mysql/values.ts": [["\\.?0+$", "a DECIMAL has 65 digits"]],
  "src/databases/sqlite/reads.ts": [
    ["^(?:\\s|--[^\\n]*\\n|\\/\\*[\\s\\S]*?\\*\\/)*(?:SELECT|WITH|VALUES)\\b", "the user's own query"],
  ],
};

/** Expressions that are made while the program runs: `file` and how many there are. */
export const madeAtRunTime: Readonly<Record<string, readonly [count: number, why: string]>> = {
  "src/secrets.ts": [1, "a word and what stands before it; neither repeats"],
  "src/http/waits.ts": [1, "the name of a parameter, and digits of limited number"],
  "src/model/pattern-proposal.ts": [1, "the shape of a time, of 64 characters at most"],
  "src/api/service/service.ts": [1, "the template of a route"],
  "src/databases/postgres/value-checks.ts": [1, "the form of an amount of money"],
};
