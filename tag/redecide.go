package tag

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Redecide makes the next run decide every tag and segment anew, with the cause edit: something that all rules rest
// on has changed, such as the workspace's time zone. It works in the caller's transaction.
func Redecide(ctx context.Context, tx bun.Tx, because string) error {
	if _, err := tx.NewUpdate().Model((*computedRow)(nil)).Set("closure = ?", because).Where("TRUE").Exec(ctx); err != nil {
		return fmt.Errorf("tag: note that everything is to be decided again: %w", err)
	}
	return nil
}
