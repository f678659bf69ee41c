//! Paging while others write.

use novacron_cicd_domain::Coded;
use novacron_cicd_store::{OperationFilter, Page, RunFilter, StoreError};

use crate::{Home, plant, sample};

#[tokio::test]
async fn paging_visits_each_row_exactly_once_while_rows_are_inserted() {
    const ROWS: u64 = 47;
    let home = Home::new();
    let store = home.open();
    let (_, pipeline, _) = store.write(plant).await.unwrap();
    let template = pipeline.clone();
    let insert = move |range: std::ops::RangeInclusive<u64>| {
        let pipeline = template.clone();
        store_runs(range, pipeline)
    };
    store.write(insert(2..=ROWS)).await.unwrap();

    for filter in [RunFilter::default(), RunFilter { pipeline: Some(pipeline.id), ..RunFilter::default() }] {
        let first_new = newest(&store).await + 1;
        let mut page = Page::first(5);
        let mut seen = Vec::new();
        for round in 0.. {
            let asked = page.clone();
            let listing = store.read(move |state| state.runs(&asked, &filter)).await.unwrap_or_else(failed);
            seen.extend(listing.items.iter().map(|run| run.id));
            let Some(next) = listing.next else { break };
            page.after = Some(next);
            store.write(insert(first_new + round..=first_new + round)).await.unwrap();
        }
        let expected: Vec<_> = (1..first_new).rev().map(|n| novacron_cicd_domain::id::RunId(sample::uuid(n))).collect();
        assert_eq!(seen, expected);
    }
}

fn store_runs(
    range: std::ops::RangeInclusive<u64>,
    pipeline: novacron_cicd_domain::pipeline::Pipeline,
) -> impl FnOnce(&mut novacron_cicd_store::Tx<'_>) -> Result<(), StoreError> + Send + 'static {
    move |tx| range.into_iter().try_for_each(|n| tx.insert_run(&sample::run(n, &pipeline)))
}

/// The number of the newest run.
async fn newest(store: &novacron_cicd_store::Store) -> u64 {
    let listing = store.read(|state| state.runs(&Page::first(1), &RunFilter::default())).await.unwrap_or_else(failed);
    let id = listing.items[0].id;
    (1..1000).find(|n| id.0 == sample::uuid(*n)).unwrap()
}

fn failed<T>(error: StoreError) -> T {
    panic!("{error}")
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused_with_a_reason() {
    let home = Home::new();
    let store = home.open();
    store.write(plant).await.unwrap();
    store
        .write(|tx| {
            let provider = sample::provider(1);
            (1..=2).try_for_each(|n| tx.insert_operation(&sample::operation(n, &provider, None)))
        })
        .await
        .unwrap_or_else(failed);
    let operations = store.read(|state| state.operations(&Page::first(1), &OperationFilter::default())).await;
    let cursor = operations.unwrap_or_else(failed).next.unwrap();
    let page = Page { after: Some(cursor.clone()), limit: 5 };
    let good = page.clone();
    let rest = store.read(move |state| state.operations(&good, &OperationFilter::default())).await;
    assert_eq!(rest.unwrap_or_else(failed).items.len(), 1);
    let error = store.read(move |state| state.runs(&page, &RunFilter::default())).await.unwrap_err();
    let StoreError::Cursor { reason, .. } = &error else { panic!("{error}") };
    assert_eq!(reason, "it belongs to the list of operations, not of runs");
    assert_eq!(error.code(), "page.cursor-invalid");
}
