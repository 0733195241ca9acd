const undone = new Set<() => void>();

/**
 * Has something undone when this process ends before its time: a stopped worker would stay stopped, and
 * a mounted disk mounted. Returns what calls it off.
 */
export function undoAtExit(undo: () => void): () => void {
  undone.add(undo);
  return () => undone.delete(undo);
}

process.on("exit", () => {
  for (const undo of undone) {
    try {
      undo();
    } catch {
      // The others are to be undone all the same.
    }
  }
});
