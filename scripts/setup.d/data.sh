# MovieLens-100k, and the committed checkpoints joined with their titles and interactions, which are
# not ours to commit.

fetch_data() {
  :
}
