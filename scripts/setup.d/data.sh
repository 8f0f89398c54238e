# MovieLens-100k, and the committed checkpoints joined with titles and interactions, which are not
# ours to commit, into build/checkpoints/.

readonly DATA_IS_ABSENT=3  # scripts/join_checkpoint.py's exit status

fetch_data() {
  local name joined="" absent=""
  .venv/bin/python scripts/fetch_movielens.py
  for name in movielens instruments beauty; do
    [ -e "models/$name/model.safetensors" ] || continue
    checkpoint_is_joined "$name" && continue
    if join_checkpoint "$name"; then joined+=" $name"; else absent+=" $name"; fi
  done
  if [ -n "$joined$absent" ]; then
    report "joined:${joined:- none}${absent:+; skipped, no data here:$absent}"
  fi
}

checkpoint_is_joined() {
  local output="build/checkpoints/$1/interactions.json"
  [ -e "$output" ] && [ -z "$(find "models/$1" scripts/join_checkpoint.py scripts/halfling_train \
    -type f -newer "$output" ! -name '*.pyc' -print -quit)" ]
}

# Fails only for want of data; anything else stops the step.
join_checkpoint() {
  local status=0
  .venv/bin/python scripts/join_checkpoint.py "$1" || status=$?
  [ "$status" -eq 0 ] && return 0
  [ "$status" -eq "$DATA_IS_ABSENT" ] && return 1
  exit "$status"
}
