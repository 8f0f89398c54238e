module.exports = {
  mode: 'production',
  entry: './shop.js',
  output: { path: `${__dirname}/out`, filename: 'shop.js', module: true },
  experiments: { outputModule: true },
};
