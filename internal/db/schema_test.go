package db_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
)

// table is what both engines tell of a table, in common words.
type table struct {
	// columns by name: their type, and whether they take NULL.
	columns map[string]string
	// key is the primary key, in order.
	key []string
	// indexes by name: unique or not, and their columns in order.
	indexes map[string]string
}

// TestSchemasAgree keeps the two folders of migrations in step.
func TestSchemasAgree(t *testing.T) {
	t.Parallel()
	lite := schemaOfSQLite(t, dbtest.Engine{Dialect: db.SQLite}.Open(t))
	require.Contains(t, lite, "pm_logs")
	require.NotEmpty(t, lite["pm_logs"].indexes)

	t.Run("every key starts with the workspace", func(t *testing.T) {
		t.Parallel()
		global := []string{"pm_api_keys.hash"} // keys are found before the workspace is known
		for name, table := range lite {
			if _, owned := table.columns["workspace_id"]; !owned {
				continue
			}
			if name != "pm_api_keys" {
				require.Equal(t, "workspace_id", table.key[0], "%s", name)
			}
			for index, columns := range table.indexes {
				if !slices.Contains(global, index) {
					require.True(t, strings.HasPrefix(strings.TrimPrefix(columns, "unique "), "(workspace_id"), "%s %s", index, columns)
				}
			}
		}
	})

	t.Run("both engines have the same tables, columns, keys and indexes", func(t *testing.T) {
		t.Parallel()
		want := maps.Clone(lite)
		// The key of a table in slices must hold the time that it is sliced by. A
		// trace has one time, so the key is no weaker.
		spans := want["pm_spans"]
		spans.key = append(slices.Clone(spans.key), "trace_at")
		want["pm_spans"] = spans
		require.Equal(t, want, schemaOfPostgreSQL(t, dbtest.Engine{Dialect: db.PostgreSQL}.Open(t)))
	})
}

func schemaOfSQLite(tb testing.TB, d *db.DB) map[string]table {
	tb.Helper()
	all := map[string]table{}
	require.NoError(tb, d.View(tb.Context(), func(ctx context.Context, tx *db.Tx) error {
		var names []string
		if err := tx.NewRaw("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'pm_%'").Scan(ctx, &names); err != nil {
			return err
		}
		for _, name := range names {
			var columns []struct {
				Name, Type  string
				Notnull, PK int
			}
			if err := tx.NewRaw("SELECT name, type, \"notnull\", pk FROM pragma_table_info(?)", name).Scan(ctx, &columns); err != nil {
				return err
			}
			t := table{columns: map[string]string{}, indexes: map[string]string{}}
			t.key = make([]string, len(columns))
			width := 0
			for _, c := range columns {
				t.columns[c.Name] = common(c.Type, c.Notnull == 1 || c.PK > 0)
				if c.PK > 0 {
					t.key[c.PK-1] = c.Name
					width++
				}
			}
			t.key = t.key[:width]
			var indexes []struct {
				Name, Origin string
				Unique       bool
				Columns      string
				Condition    *string
			}
			if err := tx.NewRaw(`SELECT i.name, i.origin, i."unique",
(SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) AS columns,
(SELECT sql FROM sqlite_master WHERE name = i.name) AS condition FROM pragma_index_list(?) AS i WHERE i.origin <> 'pk'`, name).Scan(ctx, &indexes); err != nil {
				return err
			}
			for _, i := range indexes {
				if i.Origin == "u" { // a column that is UNIQUE has an index without a name
					i.Name = name + "." + i.Columns
				}
				t.indexes[i.Name] = commonIndex(i.Unique, i.Columns, i.Condition)
			}
			all[name] = t
		}
		return nil
	}))
	return all
}

func schemaOfPostgreSQL(tb testing.TB, d *db.DB) map[string]table {
	tb.Helper()
	all := map[string]table{}
	require.NoError(tb, d.View(tb.Context(), func(ctx context.Context, tx *db.Tx) error {
		var columns []struct {
			TableName, ColumnName, DataType, IsNullable string
		}
		if err := tx.NewRaw(`SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name LIKE 'pm\_%'
AND NOT (SELECT relispartition FROM pg_class WHERE oid = to_regclass(table_name))`).Scan(ctx, &columns); err != nil {
			return err
		}
		for _, c := range columns {
			if _, seen := all[c.TableName]; !seen {
				all[c.TableName] = table{columns: map[string]string{}, indexes: map[string]string{}}
			}
			all[c.TableName].columns[c.ColumnName] = common(c.DataType, c.IsNullable == "NO")
		}
		var indexes []struct {
			TableName, Name   string
			IsPrimary, Unique bool
			Columns           string
			Condition         *string
		}
		if err := tx.NewRaw(`SELECT t.relname AS table_name, c.relname AS name, i.indisprimary AS is_primary, i.indisunique AS "unique",
(SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY AS k(attnum, n)
	JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum) AS columns,
pg_get_expr(i.indpred, i.indrelid) AS condition
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid WHERE t.relname LIKE 'pm\_%' AND NOT t.relispartition`).Scan(ctx, &indexes); err != nil {
			return err
		}
		for _, i := range indexes {
			t := all[i.TableName]
			switch {
			case i.IsPrimary:
				t.key = strings.Split(i.Columns, ", ")
			case strings.HasSuffix(i.Name, "_key"):
				t.indexes[i.TableName+"."+i.Columns] = commonIndex(i.Unique, i.Columns, i.Condition)
			default:
				t.indexes[i.Name] = commonIndex(i.Unique, i.Columns, i.Condition)
			}
			all[i.TableName] = t
		}
		return nil
	}))
	return all
}

// common names a column's type as both engines mean it.
func common(kind string, required bool) string {
	switch kind = strings.ToLower(kind); kind {
	case "integer":
		kind = "bigint"
	case "bytea":
		kind = "blob"
	}
	if required {
		kind += " not null"
	}
	return kind
}

var (
	quoted = regexp.MustCompile(`'[^']*'`)
	absent = regexp.MustCompile(`(?i)(\w+) IS NOT NULL`)
)

// commonIndex tells uniqueness, columns and what a partial index leaves out:
// the texts of its condition, since the engines word the rest differently.
func commonIndex(unique bool, columns string, condition *string) string {
	out := "(" + columns + ")"
	if unique {
		out = "unique " + out
	}
	if condition == nil {
		return out
	}
	_, after, partial := strings.Cut(strings.ToUpper(*condition), "WHERE")
	where := *condition
	switch {
	case partial:
		where = (*condition)[len(*condition)-len(after):]
	case strings.HasPrefix(strings.ToUpper(*condition), "CREATE"):
		return out
	}
	texts := quoted.FindAllString(where, -1)
	slices.Sort(texts)
	for _, match := range absent.FindAllStringSubmatch(where, -1) {
		texts = append(texts, match[1]+" is there")
	}
	return fmt.Sprint(out, " where ", texts)
}
