package db

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Workspace is the database as one workspace sees it.
type Workspace struct {
	db    *DB
	id    workspace.ID
	actor workspace.Actor
}

// ID of the workspace.
func (w *Workspace) ID() workspace.ID { return w.id }

// Actor is who acts.
func (w *Workspace) Actor() workspace.Actor { return w.actor }

// View runs a reading function.
func (w *Workspace) View(ctx context.Context, fn func(ctx context.Context, s *Scope) error) error {
	return w.db.View(ctx, func(ctx context.Context, tx *Tx) error { return fn(ctx, w.Scope(tx)) })
}

// Update runs a writing function in one transaction and returns when it is
// durable. The function sees a context that does not end with the caller's
// (on SQLite many callers share the transaction), must not call View or
// Update, and must not touch network, git or files.
func (w *Workspace) Update(ctx context.Context, fn func(ctx context.Context, s *Scope) error) error {
	return w.db.Update(ctx, func(ctx context.Context, tx *Tx) error { return fn(ctx, w.Scope(tx)) })
}

// Scope binds a running transaction to the workspace.
func (w *Workspace) Scope(tx *Tx) *Scope { return &Scope{tx: tx, id: w.id, actor: w.actor} }

// Scope is a transaction that reads and writes the rows of one workspace only.
type Scope struct {
	tx    *Tx
	id    workspace.ID
	actor workspace.Actor
}

// Workspace that the scope is bound to.
func (s *Scope) Workspace() workspace.ID { return s.id }

// Actor is who acts.
func (s *Scope) Actor() workspace.Actor { return s.actor }

// Tx is the transaction, for statements with constant text that name the
// workspace themselves.
func (s *Scope) Tx() *Tx { return s.tx }

// Now is the clock of the stores.
func (s *Scope) Now() time.Time { return s.tx.Now() }

// Select starts a query over model's table. The workspace stands inside FROM,
// where no later condition can widen it.
func (s *Scope) Select(model any) *bun.SelectQuery {
	return s.tx.NewSelect().Model(model).
		ModelTableExpr("(SELECT * FROM ? WHERE workspace_id = ?) AS ?TableAlias", tableOf(model), s.id.String())
}

// Owned is embedded by the row of every table that belongs to a workspace.
type Owned struct {
	WorkspaceID string `bun:"workspace_id,pk"`
}

func (o *Owned) stamp(id string) { o.WorkspaceID = id }

// Insert starts an insertion of a row, or of a slice of rows, and stamps the
// workspace on each.
func (s *Scope) Insert(model any) *bun.InsertQuery {
	v := reflect.ValueOf(model).Elem()
	if v.Kind() == reflect.Slice {
		for i := range v.Len() {
			s.stamp(v.Index(i).Addr().Interface())
		}
	} else {
		s.stamp(model)
	}
	return s.tx.NewInsert().Model(model)
}

func (s *Scope) stamp(row any) {
	owned, ok := row.(interface{ stamp(id string) })
	if !ok {
		panic(fmt.Sprintf("db: %T does not embed db.Owned", row))
	}
	owned.stamp(s.id.String())
}

// Update starts a change of rows of model's table.
func (s *Scope) Update(model any) *bun.UpdateQuery {
	return s.tx.NewUpdate().Model(model).Where("workspace_id = ?", s.id.String())
}

// Delete starts a deletion of rows of model's table.
func (s *Scope) Delete(model any) *bun.DeleteQuery {
	return s.tx.NewDelete().Model(model).Where("workspace_id = ?", s.id.String())
}

// tableOf reads the table's name off the row type, once for a query.
func tableOf(model any) bun.Ident {
	t := reflect.TypeOf(model)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Type == reflect.TypeFor[bun.BaseModel]() {
			return bun.Ident(tableTag(f.Tag.Get("bun")))
		}
	}
	panic(fmt.Sprintf("db: %s has no bun.BaseModel", t))
}
