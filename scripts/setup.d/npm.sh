# The page's packages, exactly as package-lock.json has them. Their install scripts do not run.

install_npm_packages() {
  local wanted
  node_is_new_enough
  wanted="$(sha256sum < package-lock.json) $ROOT"
  if stamp_is npm "$wanted" && [ -d node_modules ]; then
    return
  fi
  npm ci --ignore-scripts --no-audit --no-fund
  set_stamp npm "$wanted"
  report "installed $(find node_modules -maxdepth 2 -name package.json | wc -l) packages"
}

node_is_new_enough() {
  node -e '
    const [major] = process.versions.node.split(".").map(Number);
    if (major < 20) {
      console.log(`Node.js ${process.versions.node} is too old: 20 or newer is needed.`);
      process.exit(1);
    }'
}
