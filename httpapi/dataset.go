package httpapi

import (
	"context"
	"net/http"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/httpapi/internal/query"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

func (a *api) registerDatasets() {
	posted(a, operation{
		id: "createDataset", method: http.MethodPost, path: "/v1/datasets", tag: "datasets",
		summary: "Keep a dataset with its rows, all or nothing", status: http.StatusCreated, tooMany: eval.ErrTooManyRows,
	}, createDataset)
	scoped(a, operation{
		id: "listDatasets", method: http.MethodGet, path: "/v1/datasets", tag: "datasets",
		summary: "List datasets, newest first",
	}, listDatasets)
	scoped(a, operation{
		id: "getDataset", method: http.MethodGet, path: "/v1/datasets/{id}", tag: "datasets",
		summary: "Get a dataset with what its rows look like, and the first five", faults: []int{http.StatusNotFound},
	}, getDataset)
	scoped(a, operation{
		id: "listDatasetRows", method: http.MethodGet, path: "/v1/datasets/{id}/rows", tag: "datasets",
		summary: "List the rows of a dataset in their order", faults: []int{http.StatusNotFound},
	}, listDatasetRows)
	scoped(a, operation{
		id: "deleteDataset", method: http.MethodDelete, path: "/v1/datasets/{id}", tag: "datasets",
		summary: "Delete a dataset", status: http.StatusNoContent, faults: []int{http.StatusNotFound},
	}, deleteDataset)
	posted(a, operation{
		id: "addRowsFromRuns", method: http.MethodPost, path: "/v1/datasets/{id}/rows/from-traces", tag: "datasets",
		summary: "Add a row for each logged workflow run that has an input", status: http.StatusCreated,
		faults: []int{http.StatusNotFound},
	}, addRowsFromRuns)
	a.registerDatasetFiles()
}

type datasetBody struct {
	Name string     `json:"name" minLength:"1" maxLength:"128"`
	Rows []eval.Row `json:"rows" maxItems:"10000"`
}

func createDataset(ctx context.Context, ws *promptmetrics.Workspace, _ *struct{}, b datasetBody) (eval.Dataset, error) {
	if b.Rows == nil {
		faults := []string{"rows is required and must be an array"}
		if b.Name == "" {
			faults = append([]string{"name is required and must be at most 128 characters"}, faults...)
		}
		return eval.Dataset{}, pmerr.Invalid(faults...)
	}
	return ws.Evals.CreateDataset(ctx, b.Name, b.Rows)
}

type datasetListing struct{ query.Listing }

func listDatasets(ctx context.Context, ws *promptmetrics.Workspace, in *datasetListing) (page.Of[eval.Dataset], error) {
	return ws.Evals.Datasets(ctx, in.Request())
}

type datasetID struct {
	ID string `path:"id" doc:"Id of the dataset."`
}

func getDataset(ctx context.Context, ws *promptmetrics.Workspace, in *datasetID) (eval.DatasetDetail, error) {
	id, err := numbered(in.ID, "Dataset")
	if err != nil {
		return eval.DatasetDetail{}, err
	}
	return ws.Evals.Dataset(ctx, id)
}

type rowListing struct {
	ID string `path:"id" doc:"Id of the dataset."`
	query.Listing
}

func listDatasetRows(ctx context.Context, ws *promptmetrics.Workspace, in *rowListing) (page.Of[eval.Row], error) {
	id, err := numbered(in.ID, "Dataset")
	if err != nil {
		return page.Of[eval.Row]{}, err
	}
	return ws.Evals.DatasetRows(ctx, id, in.Request())
}

func deleteDataset(ctx context.Context, ws *promptmetrics.Workspace, in *datasetID) (nothing, error) {
	id, err := numbered(in.ID, "Dataset")
	if err != nil {
		return nothing{}, err
	}
	return nothing{}, ws.Evals.DeleteDataset(ctx, id)
}

type addedRows struct {
	DatasetID int64 `json:"dataset_id"`
	Added     int   `json:"added"`
}

func addRowsFromRuns(ctx context.Context, ws *promptmetrics.Workspace, in *datasetID, b eval.RunSelection) (addedRows, error) {
	id, err := numbered(in.ID, "Dataset")
	if err != nil {
		return addedRows{}, err
	}
	added, err := ws.Evals.AddRowsFromRuns(ctx, id, b)
	return addedRows{DatasetID: id, Added: added}, err
}
