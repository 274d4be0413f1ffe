export function Mark({ size = 22 }: { size?: number }) {
  return <img src="/tagma.svg" width={size} height={size} alt="" className="mark" />;
}
