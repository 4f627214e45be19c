package db_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestScope(t *testing.T) {
	t.Parallel()
	dbtest.Every(t, func(t *testing.T, e dbtest.Engine) {
		// bundle is two workspaces that hold a row of the same name.
		bundle := func(t *testing.T) (mine, theirs *db.Workspace) {
			t.Helper()
			d := e.Open(t)
			mine = d.Workspace(in(t, "mine"), workspace.Actor{Name: "me"})
			theirs = d.Workspace(in(t, "theirs"), workspace.Actor{Name: "they"})
			require.NoError(t, mine.Update(t.Context(), put("shared", "mine")))
			require.NoError(t, theirs.Update(t.Context(), put("shared", "theirs")))
			return mine, theirs
		}

		t.Run("reads see their own rows only, whatever the condition", func(t *testing.T) {
			t.Parallel()
			mine, theirs := bundle(t)
			require.NoError(t, theirs.Update(t.Context(), put("other", "theirs")))
			require.NoError(t, mine.View(t.Context(), func(ctx context.Context, s *db.Scope) error {
				var rows []setting
				// WhereOr is forbidden in the stores for what it does here: it
				// would undo a filter that stood in WHERE.
				err := s.Select(&rows).Where("name = ?", "shared").WhereOr("1 = 1").WhereOr("workspace_id = ?", "theirs").Scan(ctx) //nolint:forbidigo // see above.
				if err != nil {
					return err
				}
				require.Len(t, rows, 1)
				require.Equal(t, "mine", rows[0].WorkspaceID)
				require.Equal(t, "mine", rows[0].Value)
				n, err := s.Select((*setting)(nil)).Where("workspace_id = ?", "theirs").Count(ctx)
				require.Zero(t, n)
				return err
			}))
		})

		t.Run("insertions are stamped, also those that name another workspace", func(t *testing.T) {
			t.Parallel()
			mine, theirs := bundle(t)
			require.NoError(t, mine.Update(t.Context(), func(ctx context.Context, s *db.Scope) error {
				forged := setting{Owned: db.Owned{WorkspaceID: "theirs"}, Name: "forged"}
				if _, err := s.Insert(&forged).Exec(ctx); err != nil {
					return err
				}
				rows := []setting{{Name: "a"}, {Owned: db.Owned{WorkspaceID: "theirs"}, Name: "b"}}
				_, err := s.Insert(&rows).Exec(ctx)
				return err
			}))
			require.Len(t, settings(t, mine), 4)
			require.Equal(t, map[string]string{"shared": "theirs"}, settings(t, theirs))
		})

		t.Run("changes and deletions leave foreign rows alone", func(t *testing.T) {
			t.Parallel()
			mine, theirs := bundle(t)
			require.NoError(t, mine.Update(t.Context(), func(ctx context.Context, s *db.Scope) error {
				result, err := s.Update((*setting)(nil)).Set("value = ?", "changed").Where("name = ?", "shared").Exec(ctx)
				if err != nil {
					return err
				}
				n, err := result.RowsAffected()
				require.EqualValues(t, 1, n)
				return err
			}))
			require.Equal(t, map[string]string{"shared": "changed"}, settings(t, mine))
			require.Equal(t, map[string]string{"shared": "theirs"}, settings(t, theirs))

			require.NoError(t, mine.Update(t.Context(), func(ctx context.Context, s *db.Scope) error {
				_, err := s.Delete((*setting)(nil)).Where("1 = 1").Exec(ctx)
				return err
			}))
			require.Empty(t, settings(t, mine))
			require.Equal(t, map[string]string{"shared": "theirs"}, settings(t, theirs))
		})

		t.Run("a failed update leaves nothing", func(t *testing.T) {
			t.Parallel()
			mine, _ := bundle(t)
			require.ErrorIs(t, mine.Update(t.Context(), func(ctx context.Context, s *db.Scope) error {
				if err := put("undone", "1")(ctx, s); err != nil {
					return err
				}
				return errRefused
			}), errRefused)
			require.Equal(t, map[string]string{"shared": "mine"}, settings(t, mine))
		})

		t.Run("knows its workspace and who acts", func(t *testing.T) {
			t.Parallel()
			mine, _ := bundle(t)
			require.NoError(t, mine.View(t.Context(), func(_ context.Context, s *db.Scope) error {
				require.Equal(t, "mine", s.Workspace().String())
				require.Equal(t, "me", s.Actor().Name)
				return nil
			}))
		})
	})

	t.Run("misuse panics", func(t *testing.T) {
		t.Parallel()
		d := dbtest.Engine{Dialect: db.SQLite}.Open(t)
		require.Panics(t, func() { d.Workspace(workspace.ID{}, workspace.Actor{}) }, "the zero workspace")
		type global struct{ Name string }
		require.NoError(t, home(d).View(t.Context(), func(_ context.Context, s *db.Scope) error {
			require.Panics(t, func() { s.Insert(&global{}) }, "a row without a workspace")
			require.Panics(t, func() { s.Select(&global{}) }, "a row without a table")
			return nil
		}))
	})
}
