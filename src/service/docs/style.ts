export const styles = "";
export const script = "";
